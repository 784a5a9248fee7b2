// SPDX-License-Identifier: Apache-2.0
//
// Adder, logic, extension and byte reversal. The adder's sum is also every address and branch target.

module armv6m_alu (
  input  logic [31:0] a_i,        // First operand
  input  logic [31:0] b_i,        // Second operand
  input  logic        invert_i,   // Use ~b_i in the adder and in BIC
  input  logic        carry_i,    // Carry into the adder
  input  logic [1:0]  logic_i,    // 0 AND (BIC with invert_i), 1 EOR, 2 ORR, 3 MVN
  input  logic [2:0]  extend_i,   // 0 SXTH 1 SXTB 2 UXTH 3 UXTB 4 REV 5 REV16 7 REVSH
  output logic [31:0] sum_o,      // a + b, or a - b
  output logic        carry_o,    // Carry out of the adder
  output logic        overflow_o, // Signed overflow of the adder
  output logic [31:0] logic_o,    // Logic result
  output logic [31:0] extend_o    // Extension or reversal of b_i
);

  logic [31:0] b;
  logic [33:0] wide;
  logic        unused_bit;

  // The extra bit at the bottom carries in: one adder, not two.
  assign b          = b_i ^ {32{invert_i}};
  assign wide       = {1'b0, a_i, 1'b1} + {1'b0, b, carry_i};
  assign sum_o      = wide[32:1];
  assign carry_o    = wide[33];
  assign overflow_o = (a_i[31] == b[31]) & (sum_o[31] != a_i[31]);
  assign unused_bit = wide[0];

  always_comb begin
    case (logic_i)
      2'd0:    logic_o = a_i & b;
      2'd1:    logic_o = a_i ^ b_i;
      2'd2:    logic_o = a_i | b_i;
      default: logic_o = ~b_i;
    endcase
  end

  always_comb begin
    case (extend_i)
      3'd0:    extend_o = {{16{b_i[15]}}, b_i[15:0]};
      3'd1:    extend_o = {{24{b_i[7]}}, b_i[7:0]};
      3'd2:    extend_o = {16'd0, b_i[15:0]};
      3'd3:    extend_o = {24'd0, b_i[7:0]};
      3'd4:    extend_o = {b_i[7:0], b_i[15:8], b_i[23:16], b_i[31:24]};
      3'd5:    extend_o = {b_i[23:16], b_i[31:24], b_i[7:0], b_i[15:8]};
      default: extend_o = {{16{b_i[7]}}, b_i[7:0], b_i[15:8]};
    endcase
  end

endmodule
