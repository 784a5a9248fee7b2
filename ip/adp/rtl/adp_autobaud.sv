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

  localparam logic [Width-1:0] MinBit = 4;  // Shorter start bits are taken for glitches
  localparam logic [Width-1:0] One    = 1;

  logic             rx_q;
  logic             active_q;  // Inside a character that may be ESC
  logic             locked_q;
  logic [2:0]       run_q;     // Run of the pattern, 0 is the start bit
  logic [Width-1:0] count_q;   // Cycles of this run
  logic [Width-1:0] bit_q;     // Cycles of the start bit
  logic [Width-1:0] total_q;   // Cycles since the end of the start bit

  logic             edge_seen;
  logic             overflow;
  logic             fits;
  logic             last;
  logic [Width+1:0] count;
  logic [Width+1:0] expected;
  logic [Width+1:0] tolerance;

  assign edge_seen = rx_i ^ rx_q;
  assign overflow  = (&count_q) | (&total_q);
  assign last      = run_q == 3'd4;
  assign count     = {2'b00, count_q};
  assign tolerance = {3'b000, bit_q[Width-1:1]};
  assign expected  = last     ? {2'b00, bit_q} + {1'b0, bit_q, 1'b0} :
                     run_q[0] ? {1'b0, bit_q, 1'b0} : {2'b00, bit_q};
  assign fits      = (run_q == 3'd0) ? count_q >= MinBit :
                     (count + tolerance >= expected) & (count <= expected + tolerance);

  assign found_o  = ~locked_q & active_q & edge_seen & last & fits;
  assign locked_o = locked_q;
  assign period_o = total_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rx_q     <= 1'b1;
      active_q <= 1'b0;
      locked_q <= 1'b0;
      run_q    <= 3'd0;
    end else begin
      rx_q <= rx_i;
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
    if (!locked_q) begin
      count_q <= (~active_q | edge_seen) ? One : count_q + 1'b1;
      if (active_q & edge_seen & (run_q == 3'd0)) begin
        bit_q   <= count_q;
        total_q <= One;
      end else if (!active_q) begin
        total_q <= '0;
      end else if (!found_o) begin
        total_q <= total_q + 1'b1;
      end
    end
  end

endmodule
