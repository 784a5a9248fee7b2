// SPDX-License-Identifier: Apache-2.0
//
// Learns the bit time of a serial line from the character ESC (0x1B, 8N1).
//
// ESC looks like this on the line: low 1 bit, high 2, low 1, high 2, low 3, then high. Each run must be
// as long as the start bit says, within half a bit. The bit time is taken between the two outermost rising
// edges, which are eight bits apart, so it is known to an eighth of a clock cycle without a division, and
// unequal rise and fall times of the line cancel.

module adp_autobaud #(
  parameter int Width = 20  // Bits of the measured time of eight bits, 8 to 24
) (
  input  logic             clk_i,    // Clock
  input  logic             rst_ni,   // Reset, active low: asynchronous assertion, synchronous release
  input  logic             rx_i,     // Serial line, synchronous to the clock, idle high
  input  logic             break_i,  // The line is in the break state: forget the bit time
  output logic             locked_o, // The bit time is known
  output logic             found_o,  // One-cycle pulse: ESC was seen and the bit time is known from now on
  output logic [Width-1:0] period_o  // Clock cycles of eight bits, while locked
);

  localparam logic [Width-1:0] One        = 1;
  localparam logic [3:0]       MostHalves = 4'd8;

  logic             rx_q;
  logic             active_q;  // Inside a character that may be ESC
  logic             locked_q;
  logic [2:0]       run_q;     // Run of the pattern, 0 is the start bit
  logic [3:0]       halves_q;  // Half bits of this run, the one that goes on included
  logic [Width-1:0] bit_q;     // Cycles of the start bit
  logic [Width-1:0] total_q;   // Cycles of the start bit and one more; then cycles since its end

  logic             edge_seen;
  logic             start_bit;
  logic             half_over;
  logic             overflow;
  logic             fits;
  logic             last;
  logic [2:0]       bits;      // That this run should have

  assign edge_seen = rx_i ^ rx_q;
  assign start_bit = run_q == 3'd0;
  assign overflow  = (halves_q == MostHalves) | (&total_q);
  assign last      = run_q == 3'd4;
  assign bits      = last ? 3'd3 : run_q[0] ? 3'd2 : 3'd1;

  // Half a bit more or less is allowed; a start bit of less than four cycles is taken for a glitch.
  assign fits      = start_bit ? bit_q[Width-1:2] != '0 : halves_q[3:1] == bits;

  // Counted in half cycles, a bit is the time that a half bit takes.
  adp_bit_timer #(
    .Width    ( Width ),
    .Fraction ( 1     )
  ) i_timer (
    .clk_i    ( clk_i                 ),
    .hold_i   ( start_bit | edge_seen ),
    .time_i   ( bit_q                 ),
    .tick_o   ( half_over             )
  );

  assign found_o  = ~locked_q & active_q & edge_seen & last & fits;
  assign locked_o = locked_q;
  assign period_o = total_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rx_q     <= 1'b1;
      active_q <= 1'b0;
      locked_q <= 1'b0;
      run_q    <= 3'd0;
      halves_q <= 4'd1;
    end else begin
      rx_q     <= rx_i;
      halves_q <= (start_bit | edge_seen) ? 4'd1 : halves_q + {3'd0, half_over};
      if (locked_q) begin
        locked_q <= ~break_i;
        active_q <= 1'b0;
      end else if (!active_q) begin
        active_q <= rx_q & ~rx_i;
        run_q    <= 3'd0;
      end else if (edge_seen) begin
        active_q <= fits & ~last;
        locked_q <= fits & last;
        run_q    <= run_q + 3'd1;
      end else begin
        active_q <= ~overflow;
      end
    end
  end

  // The times need no reset: a falling edge starts them.
  always_ff @(posedge clk_i) begin
    if (~locked_q & ~found_o) begin
      if (~active_q & ~(rx_q & ~rx_i)) total_q <= One;
      else if (active_q & edge_seen & start_bit) total_q <= One;
      else total_q <= total_q + 1'b1;
    end
    if (start_bit) bit_q <= total_q;
  end

endmodule
