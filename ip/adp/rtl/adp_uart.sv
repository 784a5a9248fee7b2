// SPDX-License-Identifier: Apache-2.0
//
// Serial receiver and transmitter, 8N1, for a bit time given in eighths of a clock cycle.
//
// The average bit time is exact; an edge is at most one cycle off.

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

  //////////////
  // Receiver //
  //////////////

  logic             rx_q;
  logic             rx_busy_q;
  logic [3:0]       rx_bit_q;    // 0 start bit, 1 to 8 data, 9 stop bit
  logic             rx_tick;
  logic [7:0]       rx_shift_q;
  logic             rx_start;
  logic             rx_sample;
  logic             rx_end;

  assign rx_start  = enable_i & ~rx_busy_q & rx_q & ~rx_i;
  assign rx_sample = rx_busy_q & rx_tick;
  assign rx_end    = rx_sample & (rx_bit_q == 4'd9);

  adp_bit_timer #(
    .Width    ( Width ),
    .Fraction ( 3     ),
    .Half     ( 1'b1  )  // sample in the middle of a bit
  ) i_rx_timer (
    .clk_i    ( clk_i      ),
    .hold_i   ( ~rx_busy_q ),
    .time_i   ( period_i   ),
    .tick_o   ( rx_tick    )
  );

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
    if (rx_sample & (rx_bit_q != 4'd9)) rx_shift_q <= {rx_i, rx_shift_q[7:1]};
  end

  /////////////////
  // Transmitter //
  /////////////////

  logic       tx_tick;
  logic [3:0] tx_left_q;   // Bits left, the one on the line included
  logic [8:0] tx_shift_q;

  adp_bit_timer #(
    .Width    ( Width ),
    .Fraction ( 3     )
  ) i_tx_timer (
    .clk_i    ( clk_i     ),
    .hold_i   ( ~enable_i ),
    .time_i   ( period_i  ),
    .tick_o   ( tx_tick   )
  );

  assign tick_o     = enable_i & tx_tick;
  assign tx_ready_o = tick_o & (tx_left_q <= 4'd1);
  assign tx_o       = tx_shift_q[0];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      tx_left_q  <= 4'd0;
      tx_shift_q <= '1;
    end else if (!enable_i) begin
      tx_left_q  <= 4'd0;
      tx_shift_q <= '1;
    end else begin
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
