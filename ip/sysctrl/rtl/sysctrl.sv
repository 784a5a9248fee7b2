// SPDX-License-Identifier: Apache-2.0
//
// System control: memory remap, boot configuration, cause of the last reset, a scratch register, the clock
// frequency.

module sysctrl #(
  parameter logic [31:0] ClkHz = 32'd50000000  // Clock frequency in Hz
) (
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

  output logic        remap_o,        // The instruction memory covers the boot ROM
  output logic        reset_o,        // Ask for a reset; 1 until reset
  output logic [31:0] scratch_o,      // SCRATCH, for test pins and simulation
  input  logic [1:0]  boot_cfg_i,     // Boot configuration pins, static
  input  logic [2:0]  reset_cause_i   // Cause of the last reset: power-on, watchdog, software
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

  logic request, reset_q;

  sysctrl_regs i_regs (
    .clk_i               ( clk_i ),
    .rst_ni              ( rst_ni ),
    .addr_i              ( paddr_i[11:2] ),
    .write_i             ( pwrite_i ),
    .commit_i            ( commit ),
    .read_i              ( psel_i ),
    .wdata_i             ( pwdata_i ),
    .rdata_o             ( prdata_o ),
    .legal_o             ( legal ),
    .remap_imem_o        ( remap_o ),
    .reset_request_o     ( request ),
    .boot_cfg_mode_i     ( boot_cfg_i ),
    .reset_cause_cause_i ( reset_cause_i ),
    .clk_hz_hz_i         ( ClkHz ),
    .scratch_value_o     ( scratch_o )
  );

  assign reset_o = reset_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      reset_q <= 1'b0;
    end else begin
      reset_q <= reset_q | request;
    end
  end

endmodule
