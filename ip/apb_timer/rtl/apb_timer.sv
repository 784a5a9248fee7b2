// SPDX-License-Identifier: Apache-2.0
//
// Timer: counts down, starts again from RELOAD, raises an interrupt at every turn.

module apb_timer (
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

  output logic        irq_o       // Level: STATUS.expired while CTRL.irq_enable
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

  logic        enable, irq_enable, load, expired, turn;
  logic [31:0] reload, count_q;

  apb_timer_regs i_regs (
    .clk_i                ( clk_i ),
    .rst_ni               ( rst_ni ),
    .addr_i               ( paddr_i[11:2] ),
    .write_i              ( pwrite_i ),
    .commit_i             ( commit ),
    .read_i               ( psel_i ),
    .wdata_i              ( pwdata_i ),
    .rdata_o              ( prdata_o ),
    .legal_o              ( legal ),
    .ctrl_enable_o        ( enable ),
    .ctrl_irq_enable_o    ( irq_enable ),
    .ctrl_load_o          ( load ),
    .value_count_i        ( count_q ),
    .reload_count_o       ( reload ),
    .status_expired_o     ( expired ),
    .status_expired_set_i ( turn )
  );

  assign turn  = enable & ~load & (count_q == 32'd0);
  assign irq_o = expired & irq_enable;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= 32'd0;
    end else if (load | turn) begin
      count_q <= reload;
    end else if (enable) begin
      count_q <= count_q - 32'd1;
    end
  end

endmodule
