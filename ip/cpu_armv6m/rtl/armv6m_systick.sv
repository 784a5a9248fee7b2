// SPDX-License-Identifier: Apache-2.0
//
// SysTick: 24-bit down counter.

module armv6m_systick (
  input  logic        clk_i,    // Clock
  input  logic        rst_ni,   // Reset, active low, asynchronous assertion
  input  logic        tick_i,   // Reference clock: counts in each cycle in which it is 1 (CLKSOURCE = 0)
  input  logic [25:0] calib_i,  // CALIB: NOREF, SKEW, TENMS
  input  logic [1:0]  addr_i,   // 0 CSR, 1 RVR, 2 CVR, 3 CALIB
  input  logic        read_i,   // A register is read in this cycle
  input  logic        write_i,  // A register is written in this cycle
  input  logic [31:0] wdata_i,  // Data to write
  output logic [31:0] rdata_o,  // Data read, combinational from addr_i
  output logic        pend_o    // One-cycle pulse: make the exception pending
);

  logic [2:0]  csr_q;    // CLKSOURCE, TICKINT, ENABLE
  logic        flag_q;   // COUNTFLAG
  logic [23:0] reload_q;
  logic [23:0] count_q;
  logic        clear, count, zero, last;
  logic        unused_wdata;

  assign unused_wdata = |wdata_i[31:24];

  assign clear  = write_i & (addr_i == 2'd2);
  assign count  = csr_q[0] & (csr_q[2] | tick_i);
  assign zero   = count_q == '0;
  assign last   = count & (count_q == 24'd1);
  assign pend_o = last & csr_q[1] & ~clear;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      csr_q  <= 3'b000;
      flag_q <= 1'b0;
    end else begin
      if (write_i & (addr_i == 2'd0)) begin
        csr_q <= wdata_i[2:0];
      end
      flag_q <= ~clear & (last | (flag_q & ~(read_i & (addr_i == 2'd0))));
    end
  end

  always_ff @(posedge clk_i) begin
    if (write_i & (addr_i == 2'd1)) begin
      reload_q <= wdata_i[23:0];
    end
    if (clear | count) begin
      count_q <= ((count_q - 24'd1) & {24{~clear & ~zero}}) | (reload_q & {24{~clear & zero}});
    end
  end

  assign rdata_o = ({15'd0, flag_q, 13'd0, csr_q} & {32{addr_i == 2'd0}}) |
                   ({8'd0, reload_q} & {32{addr_i == 2'd1}}) |
                   ({8'd0, count_q} & {32{addr_i == 2'd2}}) |
                   ({calib_i[25:24], 6'd0, calib_i[23:0]} & {32{addr_i == 2'd3}});

endmodule
