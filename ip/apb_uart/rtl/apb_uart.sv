// SPDX-License-Identifier: Apache-2.0
//
// Serial port, 8N1, with a bit time in eighths of a clock cycle: one byte waits in each direction.

module apb_uart (
  input  logic        clk_i,      // Clock; all inputs are synchronous to it unless said otherwise
  input  logic        rst_ni,     // Reset, active low: asynchronous assertion, synchronous release

  // APB slave without wait states
  input  logic        psel_i,     // Select
  input  logic        penable_i,  // Access cycle
  input  logic        pwrite_i,   // 1 write, 0 read
  input  logic [11:0] paddr_i,    // Byte address inside the 4 KB window
  input  logic [31:0] pwdata_i,   // Write data
  output logic [31:0] prdata_o,   // Read data, in the access cycle; 0 while psel_i is 0
  output logic        pready_o,   // Always 1
  output logic        pslverr_o,  // The map does not allow the access; it has no effect

  output logic        irq_o,      // Level: STATUS.received while CTRL.rx_irq, not STATUS.full while CTRL.tx_irq
  input  logic        rx_i,       // Serial input, asynchronous, idle high
  output logic        tx_o        // Serial output, idle high
);

  logic access;
  logic legal;
  logic good;
  logic commit;

  assign access    = psel_i & penable_i;
  assign good      = legal & (paddr_i[1:0] == 2'b00);
  assign commit    = access & pwrite_i & good;
  assign pready_o  = 1'b1;
  assign pslverr_o = access & ~good;

  logic        enable, rx_irq, tx_irq, sel_data, push, pop;
  logic        out_full_q, in_full_q;
  logic [7:0]  out_data_q, in_data_q, rx_data;
  logic [19:0] period;
  logic        meta_q, rx_q, rx_valid, rx_break, tx_ready, unused_tick;

  assign push  = commit & sel_data;
  assign pop   = access & ~pwrite_i & good & sel_data;
  assign irq_o = (in_full_q & rx_irq) | (~out_full_q & tx_irq);

  adp_uart #(
    .Width      ( 20 )
  ) i_uart (
    .clk_i      ( clk_i       ),
    .rst_ni     ( rst_ni      ),
    .enable_i   ( enable      ),
    .period_i   ( period      ),
    .rx_i       ( rx_q        ),
    .tx_o       ( tx_o        ),
    .tick_o     ( unused_tick ),
    .break_o    ( rx_break    ),
    .rx_valid_o ( rx_valid    ),
    .rx_data_o  ( rx_data     ),
    .tx_valid_i ( out_full_q  ),
    .tx_ready_o ( tx_ready    ),
    .tx_data_i  ( out_data_q  )
  );

  apb_uart_regs i_regs (
    .clk_i                   ( clk_i ),
    .rst_ni                  ( rst_ni ),
    .addr_i                  ( paddr_i[11:2] ),
    .write_i                 ( pwrite_i ),
    .commit_i                ( commit ),
    .read_i                  ( psel_i ),
    .wdata_i                 ( pwdata_i ),
    .rdata_o                 ( prdata_o ),
    .legal_o                 ( legal ),
    .ctrl_enable_o           ( enable ),
    .ctrl_rx_irq_o           ( rx_irq ),
    .ctrl_tx_irq_o           ( tx_irq ),
    .baud_period_o           ( period ),
    .status_full_i           ( out_full_q ),
    .status_received_i       ( in_full_q ),
    .status_overrun_set_i    ( rx_valid & in_full_q & ~pop ),
    .status_lost_set_i       ( push & out_full_q ),
    .status_break_seen_set_i ( rx_break ),
    .data_sel_o              ( sel_data ),
    .data_rdata_i            ( {24'h0, in_data_q} )
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      meta_q     <= 1'b1;
      rx_q       <= 1'b1;
      out_full_q <= 1'b0;
      in_full_q  <= 1'b0;
      out_data_q <= 8'd0;
      in_data_q  <= 8'd0;
    end else begin
      meta_q     <= rx_i;
      rx_q       <= meta_q;
      out_full_q <= out_full_q ? ~tx_ready : push;
      in_full_q  <= rx_valid | (in_full_q & ~pop);
      if (push & ~out_full_q) out_data_q <= pwdata_i[7:0];
      if (rx_valid & (~in_full_q | pop)) in_data_q <= rx_data;
    end
  end

endmodule
