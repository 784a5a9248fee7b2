// SPDX-License-Identifier: Apache-2.0
//
// Watchdog: the first time out raises an interrupt, the second one asks for a reset.
//
// Once enabled it stays enabled until reset, so that a program that runs wild cannot switch it off.

module apb_watchdog (
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

  output logic        irq_o,      // Level: STATUS.warning
  output logic        reset_o     // Ask for a reset; 1 until reset
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

  logic        enable, kick, warning, turn;
  logic        enabled_q, reset_q;
  logic [31:0] load, count_q;

  apb_watchdog_regs i_regs (
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
    .ctrl_kick_o          ( kick ),
    .value_count_i        ( count_q ),
    .load_count_o         ( load ),
    .status_warning_o     ( warning ),
    .status_warning_set_i ( turn )
  );

  assign turn    = enabled_q & ~kick & (count_q == 32'd0);
  assign irq_o   = warning;
  assign reset_o = reset_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      enabled_q <= 1'b0;
      reset_q   <= 1'b0;
    end else begin
      enabled_q <= enabled_q | enable;
      reset_q   <= reset_q | (turn & warning);
    end
  end

  // No reset: until it is enabled the count follows LOAD.
  always_ff @(posedge clk_i) begin
    if (~enabled_q | kick | turn) begin
      count_q <= load;
    end else begin
      count_q <= count_q - 32'd1;
    end
  end

endmodule
