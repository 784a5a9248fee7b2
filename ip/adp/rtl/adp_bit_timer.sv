// SPDX-License-Identifier: Apache-2.0
//
// Divides the clock by a time that is no whole number of cycles: one tick each time that the time has passed.
//
// What is left of the time counts down by a cycle; with the tick the next time is added. The rest below a cycle
// stays in the count, so ticks keep the time on average and are at most one cycle off. A tick comes when no whole
// cycle is left, so the sum needs no carry from below a cycle but one.

module adp_bit_timer #(
  parameter int Width    = 20,   // Bits of the time
  parameter int Fraction = 3,    // Bits of it below a clock cycle
  parameter bit Half     = 1'b0  // The first time is half as long
) (
  input  logic             clk_i,   // Clock
  input  logic             hold_i,  // Stay at the start of the first time
  input  logic [Width-1:0] time_i,  // Time between ticks, at least two cycles
  output logic             tick_o   // The time is over; meaningless while hold_i
);

  logic [Width-1:0]          left_q;
  logic [Width-1:0]          first;
  logic [Width-1:0]          from;
  logic [Fraction:0]         rest;
  logic [Width-Fraction-1:0] one;

  assign first  = Half ? {1'b0, time_i[Width-1:1]} : time_i;
  assign tick_o = left_q[Width-1:Fraction] == '0;
  assign rest   = {1'b0, left_q[Fraction-1:0]} + {1'b0, time_i[Fraction-1:0] & {Fraction{tick_o}}};
  assign from   = hold_i ? first : {tick_o ? time_i[Width-1:Fraction] : left_q[Width-1:Fraction], rest[Fraction-1:0]};
  assign one    = {{(Width-Fraction-1){1'b0}}, hold_i | ~rest[Fraction]};

  always_ff @(posedge clk_i) begin
    left_q <= {from[Width-1:Fraction] - one, from[Fraction-1:0]};
  end

endmodule
