// SPDX-License-Identifier: Apache-2.0
//
// Behaviour of the gf180mcu_fd_io signal pads for simulation, written from the functions in their Liberty files:
// PAD carries A while OE is 1 and is not driven otherwise; Y is PAD while IE is 1, else 0; the input pads are always
// enabled. PU and PD switch resistors to the supplies, which no simulation needs whose board drives every pin; both
// at once are a mistake. CS (threshold) and SL (slew) have no effect without time. Output pads without Y read 0.

module gf180mcu_fd_io__in_c (
  input  wire PAD,   // Bond pad
  input  wire PU,    // 1: resistor to the supply
  input  wire PD,    // 1: resistor to ground
  output wire Y      // Level of the pad
);
  assign Y = PAD;
  always @(PU or PD) if (PU === 1'b1 && PD === 1'b1) $display("both resistors of an input pad are on");
endmodule

module gf180mcu_fd_io__in_s (
  input  wire PAD,   // Bond pad
  input  wire PU,    // 1: resistor to the supply
  input  wire PD,    // 1: resistor to ground
  output wire Y      // Level of the pad, with hysteresis
);
  assign Y = PAD;
  always @(PU or PD) if (PU === 1'b1 && PD === 1'b1) $display("both resistors of an input pad are on");
endmodule

module gf180mcu_fd_io__bi_24t (
  inout  wire PAD,   // Bond pad
  input  wire A,     // Level to drive
  input  wire OE,    // 1 drives
  input  wire IE,    // 1: Y follows the pad
  input  wire CS,    // Input threshold: 0 CMOS, 1 Schmitt
  input  wire SL,    // 1: slow edges
  input  wire PU,    // 1: resistor to the supply
  input  wire PD,    // 1: resistor to ground
  output wire Y      // Level of the pad
);
  assign PAD = OE ? A : 1'bz;
  assign Y = IE & PAD;
  always @(PU or PD) if (PU === 1'b1 && PD === 1'b1) $display("both resistors of a pad are on");

endmodule
