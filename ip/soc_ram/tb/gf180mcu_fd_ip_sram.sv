// SPDX-License-Identifier: Apache-2.0
//
// Behaviour of the gf180mcu_fd_ip_sram macros for simulation, written from the pin list and conditions of their
// Liberty files: CEN, GWEN and WEN are active low; an access happens at the rising edge of CLK while CEN is 0; it
// reads while GWEN is 1, writes the bits whose WEN is 0 while GWEN is 0; Q changes only by a read. The macro works
// only after CEN has been 1 at a rising edge once. No timing. A wrong use reads unknown values. With +activity=FOLDER
// every output has a file there with its value at the end of every cycle, a line each.

module gf180_sram_model #(
  parameter int AddrWidth = 9         // Bits of the address
) (
  input  logic                 CLK,   // Clock
  input  logic                 CEN,   // Chip enable, active low
  input  logic                 GWEN,  // 1 reads, 0 writes
  input  logic [7:0]           WEN,   // Bit write enables, active low
  input  logic [AddrWidth-1:0] A,     // Address
  input  logic [7:0]           D,     // Write data
  output logic [7:0]           Q      // Read data
);

  logic [7:0] cells [0:(1<<AddrWidth)-1];
  logic       ready = 1'b0;  // CEN has been 1
  string      folder;
  int         record = 0;

  initial if ($value$plusargs("activity=%s", folder)) record = $fopen($sformatf("%s/%m.Q", folder), "w");
  always @(posedge CLK) if (record != 0) $fdisplay(record, "%h", Q);

  always_ff @(posedge CLK) begin
    if (CEN) begin
      ready <= 1'b1;
    end else if (!ready) begin
      Q <= 8'hxx;
    end else if (GWEN) begin
      Q <= cells[A];
    end else begin
      cells[A] <= (cells[A] & WEN) | (D & ~WEN);
    end
  end

endmodule

module gf180mcu_fd_ip_sram__sram64x8m8wm1 (
  input logic CLK, CEN, GWEN, input logic [7:0] WEN, input logic [5:0] A, input logic [7:0] D, output logic [7:0] Q
);
  gf180_sram_model #(.AddrWidth(6)) i_model (.*);
endmodule

module gf180mcu_fd_ip_sram__sram128x8m8wm1 (
  input logic CLK, CEN, GWEN, input logic [7:0] WEN, input logic [6:0] A, input logic [7:0] D, output logic [7:0] Q
);
  gf180_sram_model #(.AddrWidth(7)) i_model (.*);
endmodule

module gf180mcu_fd_ip_sram__sram256x8m8wm1 (
  input logic CLK, CEN, GWEN, input logic [7:0] WEN, input logic [7:0] A, input logic [7:0] D, output logic [7:0] Q
);
  gf180_sram_model #(.AddrWidth(8)) i_model (.*);
endmodule

module gf180mcu_fd_ip_sram__sram512x8m8wm1 (
  input logic CLK, CEN, GWEN, input logic [7:0] WEN, input logic [8:0] A, input logic [7:0] D, output logic [7:0] Q
);
  gf180_sram_model #(.AddrWidth(9)) i_model (.*);
endmodule
