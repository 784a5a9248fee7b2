// SPDX-License-Identifier: Apache-2.0
//
// Barrel shifter: one right rotator, and a mask that replaces what a shift must not keep.

module armv6m_shifter (
  input  logic [31:0] value_i,   // Operand
  input  logic [7:0]  amount_i,  // 0 to 255
  input  logic        left_i,    // LSL
  input  logic        rotate_i,  // ROR
  input  logic        sign_i,    // ASR: fill with the operand's sign
  input  logic        carry_i,   // The C flag, kept by a shift of 0
  input  logic        pick_i,    // Ignore the amount: bit_o is bit 30 - index_i of the operand
  input  logic [4:0]  index_i,   // 0 to 30
  output logic [31:0] result_o,  // Shifted operand
  output logic        carry_o,   // Last bit shifted out
  output logic        bit_o      // Bit 31 of the rotator
);

  logic [4:0]  turn;
  logic [31:0] r1, r2, r4, r8, rot;
  logic [3:0]  same, high;  // Of the distance's upper digit: equal to the turn's; enough to keep the place
  logic [7:0]  low;         // The lower digit is enough if the upper ones are equal
  logic [31:0] keep;
  logic        zero, over, most, fill, all;

  assign zero = amount_i == 8'd0;
  assign over = amount_i[7:5] != 3'd0;                            // 32 and more
  assign most = over & ~(amount_i == 8'd32);                      // more than 32
  assign fill = sign_i & value_i[31];

  always_comb begin
    turn = left_i ? (~amount_i[4:0] + 5'd1) : amount_i[4:0];
    if (pick_i) begin
      turn = ~index_i;
    end
  end

  assign r1  = turn[0] ? {value_i[0], value_i[31:1]} : value_i;
  assign r2  = turn[1] ? {r1[1:0], r1[31:2]}         : r1;
  assign r4  = turn[2] ? {r2[3:0], r2[31:4]}         : r2;
  assign r8  = turn[3] ? {r4[7:0], r4[31:8]}         : r4;
  assign rot = turn[4] ? {r8[15:0], r8[31:16]}       : r8;

  assign bit_o = rot[31];

  // A shift to the right drops the places whose distance from the top is less than its turn, one to the left
  // keeps just these. Distances are compared in two digits, of 8 and of 1.
  assign all = rotate_i | ((turn == 5'd0) & ~over);

  always_comb begin
    for (int h = 0; h < 4; h++) begin
      same[h] = ~over & (turn[4:3] == $unsigned(2'(h)));
      high[h] = all | (~over & (left_i ? turn[4:3] > $unsigned(2'(h)) : turn[4:3] < $unsigned(2'(h))));
    end
    for (int l = 0; l < 8; l++) begin
      low[l] = left_i == (turn[2:0] > $unsigned(3'(l)));
    end
    for (int i = 0; i < 32; i++) begin
      keep[31 - i] = high[i / 8] | (same[i / 8] & low[i % 8]);
    end
  end

  assign result_o = (rot & keep) | ({32{fill}} & ~keep);

  always_comb begin
    if (zero) begin
      carry_o = carry_i;
    end else if (most & ~rotate_i) begin
      carry_o = fill;
    end else begin
      carry_o = left_i ? rot[0] : rot[31];
    end
  end

endmodule
