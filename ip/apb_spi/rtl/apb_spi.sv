// SPDX-License-Identifier: Apache-2.0
//
// SPI master, mode 0: data change when the clock falls and are taken when it rises, as the flash sees it.
//
// The byte on its way has 16 halves of CTRL.divider + 1 cycles each. The master takes a bit at the end of
// the second half, so that the flash has one whole half for its answer and the wires.

module apb_spi (
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

  output logic        sck_o,      // Clock of the flash
  output logic        cs_no,      // Select of the flash, active low
  output logic        mosi_o,     // Data to the flash
  input  logic        miso_i      // Data from the flash, synchronous to sck_o
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

  logic       sel_data, push, select, busy_q, half_end;
  logic [3:0] half_q;     // Half of the byte: 0, 2, .. clock low; 1, 3, .. clock high
  logic [7:0] left_q;     // Cycles left in this half
  logic [7:0] shift_q;    // Bits to send at the top, bits received at the bottom
  logic [7:0] divider;

  apb_spi_regs i_regs (
    .clk_i             ( clk_i            ),
    .rst_ni            ( rst_ni           ),
    .addr_i            ( paddr_i[11:2]    ),
    .write_i           ( pwrite_i         ),
    .commit_i          ( commit           ),
    .read_i            ( psel_i           ),
    .wdata_i           ( pwdata_i         ),
    .rdata_o           ( prdata_o         ),
    .legal_o           ( legal            ),
    .status_busy_i     ( busy_q           ),
    .status_lost_set_i ( push & busy_q    ),
    .ctrl_select_o     ( select           ),
    .ctrl_divider_o    ( divider          ),
    .data_sel_o        ( sel_data         ),
    .data_rdata_i      ( {24'h0, shift_q} )
  );

  assign push     = commit & sel_data;
  assign half_end = left_q == 8'd0;
  assign sck_o    = half_q[0];
  assign cs_no    = ~select;
  assign mosi_o   = shift_q[7];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q  <= 1'b0;
      half_q  <= 4'd0;
      left_q  <= 8'd0;
      shift_q <= 8'd0;
    end else if (!busy_q) begin
      left_q <= divider;
      busy_q <= push;
      if (push) shift_q <= pwdata_i[7:0];
    end else begin
      left_q <= half_end ? divider : left_q - 8'd1;
      if (half_end) begin
        half_q <= half_q + 4'd1;
        busy_q <= ~(&half_q);
        if (half_q[0]) shift_q <= {shift_q[6:0], miso_i};
      end
    end
  end

endmodule
