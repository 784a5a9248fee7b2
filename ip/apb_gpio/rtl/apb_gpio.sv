// SPDX-License-Identifier: Apache-2.0
//
// General-purpose pins: outputs, inputs, interrupts on rising and falling edges.

module apb_gpio (
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

  output logic        irq_o,      // Level: any bit of STATUS
  output logic [15:0] out_o,      // Pin values
  output logic [15:0] oe_o,       // Pin drivers, 1 drives
  input  logic [15:0] in_i        // Pin values, asynchronous
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

  logic [15:0] meta_q, sync_q, last_q;  // Two flip-flops against metastability, one for the edges
  logic [15:0] rise, fall, status, seen;

  apb_gpio_regs i_regs (
    .clk_i              ( clk_i ),
    .rst_ni             ( rst_ni ),
    .addr_i             ( paddr_i[11:2] ),
    .write_i            ( pwrite_i ),
    .commit_i           ( commit ),
    .read_i             ( psel_i ),
    .wdata_i            ( pwdata_i ),
    .rdata_o            ( prdata_o ),
    .legal_o            ( legal ),
    .out_pins_o         ( out_o ),
    .oe_pins_o          ( oe_o ),
    .in_pins_i          ( sync_q ),
    .rise_enable_pins_o ( rise ),
    .fall_enable_pins_o ( fall ),
    .status_pins_o      ( status ),
    .status_pins_set_i  ( seen )
  );

  assign seen  = (sync_q & ~last_q & rise) | (~sync_q & last_q & fall);
  assign irq_o = status != 16'd0;

  // No reset: three cycles after it they are all samples of the pins, and until then no edge is enabled.
  always_ff @(posedge clk_i) begin
    meta_q <= in_i;
    sync_q <= meta_q;
    last_q <= sync_q;
  end

endmodule
