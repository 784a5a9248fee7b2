// SPDX-License-Identifier: Apache-2.0
//
// Serial receiver and transmitter, 8N1, for a bit time given in eighths of a clock cycle.
//
// Both count eighths: eight per clock cycle, one bit each time the count reaches the period. The average
// bit time is exact; an edge is at most one cycle off.

module adp_uart #(
  parameter int Width = 20  // Bits of the period
) (
  input  logic             clk_i,      // Clock
  input  logic             rst_ni,     // Reset, active low: asynchronous assertion, synchronous release
  input  logic             enable_i,   // The period is known; else both directions are idle
  input  logic [Width-1:0] period_i,   // Eighths of a clock cycle per bit, at least 32
  input  logic             rx_i,       // Serial input, synchronous to the clock, idle high
  output logic             tx_o,       // Serial output, idle high
  output logic             tick_o,     // One-cycle pulse per bit time
  output logic             break_o,    // One-cycle pulse: a character of zeros without a stop bit came in
  output logic             rx_valid_o, // One-cycle pulse: rx_data_o is a received byte
  output logic [7:0]       rx_data_o,  // Received byte
  input  logic             tx_valid_i, // tx_data_i is a byte to send
  output logic             tx_ready_o, // The byte is taken in this cycle
  input  logic [7:0]       tx_data_i   // Byte to send
);

  localparam logic [Width:0] Cycle = 8;  // Eighths in a clock cycle

  //////////////
  // Receiver //
  //////////////

  logic             rx_q;
  logic             rx_busy_q;
  logic [3:0]       rx_bit_q;    // 0 start bit, 1 to 8 data, 9 stop bit
  logic [Width:0]   rx_phase_q;
  logic [Width:0]   rx_phase;
  logic [7:0]       rx_shift_q;
  logic             rx_start;
  logic             rx_sample;
  logic             rx_end;

  assign rx_start  = enable_i & ~rx_busy_q & rx_q & ~rx_i;
  assign rx_phase  = rx_phase_q + Cycle;
  assign rx_sample = rx_busy_q & (rx_phase >= {1'b0, period_i});
  assign rx_end    = rx_sample & (rx_bit_q == 4'd9);

  assign rx_valid_o = rx_end & rx_i;
  assign rx_data_o  = rx_shift_q;
  assign break_o    = rx_end & ~rx_i & (rx_shift_q == 8'h00);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rx_q      <= 1'b1;
      rx_busy_q <= 1'b0;
      rx_bit_q  <= 4'd0;
    end else begin
      rx_q <= rx_i;
      if (rx_start) begin
        rx_busy_q <= 1'b1;
        rx_bit_q  <= 4'd0;
      end else if (rx_sample) begin
        // A start bit that is gone in its middle was a glitch.
        rx_busy_q <= ~rx_end & ~((rx_bit_q == 4'd0) & rx_i);
        rx_bit_q  <= rx_bit_q + 4'd1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (rx_start) begin
      rx_phase_q <= {2'b00, period_i[Width-1:1]} + Cycle;  // sample in the middle of a bit
    end else begin
      rx_phase_q <= rx_sample ? rx_phase - {1'b0, period_i} : rx_phase;
    end
    if (rx_sample & (rx_bit_q != 4'd9)) rx_shift_q <= {rx_i, rx_shift_q[7:1]};
  end

  /////////////////
  // Transmitter //
  /////////////////

  logic [Width:0] tx_phase_q;
  logic [Width:0] tx_phase;
  logic [3:0]     tx_left_q;   // Bits left, the one on the line included
  logic [8:0]     tx_shift_q;

  assign tx_phase   = tx_phase_q + Cycle;
  assign tick_o     = enable_i & (tx_phase >= {1'b0, period_i});
  assign tx_ready_o = tick_o & (tx_left_q <= 4'd1);
  assign tx_o       = tx_shift_q[0];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      tx_phase_q <= '0;
      tx_left_q  <= 4'd0;
      tx_shift_q <= '1;
    end else if (!enable_i) begin
      tx_phase_q <= '0;
      tx_left_q  <= 4'd0;
      tx_shift_q <= '1;
    end else begin
      tx_phase_q <= tick_o ? tx_phase - {1'b0, period_i} : tx_phase;
      if (tick_o) begin
        if (tx_valid_i & tx_ready_o) begin
          tx_left_q  <= 4'd10;
          tx_shift_q <= {tx_data_i, 1'b0};
        end else begin
          tx_left_q  <= (tx_left_q == 4'd0) ? 4'd0 : tx_left_q - 4'd1;
          tx_shift_q <= {1'b1, tx_shift_q[8:1]};
        end
      end
    end
  end

endmodule
