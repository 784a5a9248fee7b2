// SPDX-License-Identifier: Apache-2.0
//
// What an integrated clock gate does: the enable is taken over while the clock is low.

module clock_gate (
  input  logic clk_i,     // Clock
  input  logic enable_i,  // Let the next high phase pass; stable while clk_i is high
  output logic clk_o      // Gated clock
);

  logic enable_q;

  always_latch begin
    if (!clk_i) enable_q = enable_i;
  end

  assign clk_o = clk_i & enable_q;

endmodule
