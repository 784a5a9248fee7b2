// SPDX-License-Identifier: Apache-2.0
//
// Characters to and from the debug port: one byte waits in each direction, and no access ever waits.

module apb_stdio (
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

  output logic        irq_o,           // Level: STATUS.received while CTRL.irq_enable
  output logic        stdout_valid_o,  // stdout_data_o is a byte for the debug port
  input  logic        stdout_ready_i,  // The byte is taken in this cycle
  output logic [7:0]  stdout_data_o,   // Byte
  input  logic        stdin_valid_i,   // stdin_data_i is a byte of the debug port
  output logic        stdin_ready_o,   // The byte is taken in this cycle
  input  logic [7:0]  stdin_data_i     // Byte
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

  logic       irq_enable, sel_data, push, pop;
  logic       out_full_q, in_full_q;
  logic [7:0] out_data_q, in_data_q;

  apb_stdio_regs i_regs (
    .clk_i                ( clk_i ),
    .rst_ni               ( rst_ni ),
    .addr_i               ( paddr_i[11:2] ),
    .write_i              ( pwrite_i ),
    .commit_i             ( commit ),
    .read_i               ( psel_i ),
    .wdata_i              ( pwdata_i ),
    .rdata_o              ( prdata_o ),
    .legal_o              ( legal ),
    .ctrl_irq_enable_o    ( irq_enable ),
    .status_full_i        ( out_full_q ),
    .status_received_i    ( in_full_q ),
    .status_overrun_set_i ( push & out_full_q ),
    .data_sel_o           ( sel_data ),
    .data_rdata_i         ( {24'h0, in_data_q} )
  );

  assign push = commit & sel_data;
  assign pop  = access & ~pwrite_i & good & sel_data;

  assign irq_o          = in_full_q & irq_enable;
  assign stdout_valid_o = out_full_q;
  assign stdout_data_o  = out_data_q;
  assign stdin_ready_o  = ~in_full_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      out_full_q <= 1'b0;
      in_full_q  <= 1'b0;
      out_data_q <= 8'd0;
      in_data_q  <= 8'd0;
    end else begin
      out_full_q <= out_full_q ? ~stdout_ready_i : push;
      in_full_q  <= in_full_q ? ~pop : stdin_valid_i;
      if (push & ~out_full_q) out_data_q <= pwdata_i[7:0];
      if (~in_full_q & stdin_valid_i) in_data_q <= stdin_data_i;
    end
  end

endmodule
