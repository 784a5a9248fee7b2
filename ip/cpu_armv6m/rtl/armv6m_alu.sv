// SPDX-License-Identifier: Apache-2.0
//
// Adder, logic, extension and byte reversal. The adder's sum is also every address and branch target.

module armv6m_alu (
  input  logic [31:0] a_i,        // First operand
  input  logic [31:0] b_i,        // Second operand
  input  logic        invert_i,   // Use ~b_i in the adder and in the logic results
  input  logic        carry_i,    // Carry into the adder
  input  logic [2:0]  extend_i,   // 0 SXTH 1 SXTB 2 UXTH 3 UXTB 4 REV 5 REV16 7 REVSH
  output logic [31:0] sum_o,      // a + b, or a - b
  output logic        carry_o,    // Carry out of the adder
  output logic        overflow_o, // Signed overflow of the adder
  output logic [31:0] and_o,      // a & b, or a & ~b
  output logic [31:0] xor_o,      // a ^ b, or a ^ ~b
  output logic [31:0] extend_o    // Extension or reversal of b_i
);

  logic [31:0] b;
  logic [33:0] wide;
  logic        reverse, sign;
  logic        unused_bit;

  // The extra bit at the bottom carries in: one adder, not two.
  assign b          = b_i ^ {32{invert_i}};
  assign wide       = {1'b0, a_i, 1'b1} + {1'b0, b, carry_i};
  assign sum_o      = wide[32:1];
  assign carry_o    = wide[33];
  assign overflow_o = (a_i[31] == b[31]) & (sum_o[31] != a_i[31]);
  assign and_o      = a_i & b;
  assign xor_o      = a_i ^ b;
  assign unused_bit = wide[0];

  // Extensions keep the low byte, reversals swap it. Bit 0 is then 1 for a byte, bit 1 for no sign.
  assign reverse = extend_i[2];
  assign sign    = (extend_i[0] ? b_i[7] : b_i[15]) & (~extend_i[1] | reverse);

  always_comb begin
    if (reverse) begin
      extend_o[15:0] = (extend_i[1:0] == 2'd0) ? {b_i[23:16], b_i[31:24]} : {b_i[7:0], b_i[15:8]};
    end else begin
      extend_o[15:0] = {extend_i[0] ? {8{sign}} : b_i[15:8], b_i[7:0]};
    end
    if (reverse & ~extend_i[1]) begin
      extend_o[31:16] = extend_i[0] ? {b_i[23:16], b_i[31:24]} : {b_i[7:0], b_i[15:8]};
    end else begin
      extend_o[31:16] = {16{sign}};
    end
  end

endmodule
