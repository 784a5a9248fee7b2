// SPDX-License-Identifier: Apache-2.0
//
// R0 to R12, MSP (13), LR (14) and PSP (15): one write port, two read ports. Not reset.
//
// A read port takes one select bit for each register and gives 0 without any. The registers are plain
// flip-flops with an enable for each word, which synthesis turns into clock gates.

module armv6m_regfile (
  input  logic        clk_i,     // Clock
  input  logic        we_i,      // Write wdata_i to waddr_i at the clock edge
  input  logic [3:0]  waddr_i,   // Register to write
  input  logic [31:0] wdata_i,   // Data; the two low bits of a stack pointer stay 0
  input  logic [15:0] select_a_i,// Register to read on port A, at most one
  output logic [31:0] rdata_a_o, // Its value
  input  logic [15:0] select_b_i,// Register to read on port B, at most one
  output logic [31:0] rdata_b_o  // Its value
);

  logic [15:0][31:0] regs;

  for (genvar i = 0; i < 16; i++) begin : gen_reg
    if (i == 13 || i == 15) begin : gen_sp
      logic [29:0] value_q;
      always_ff @(posedge clk_i) begin
        if (we_i && (waddr_i == $unsigned(4'(i)))) begin
          value_q <= wdata_i[31:2];
        end
      end
      assign regs[i] = {value_q, 2'b00};
    end else begin : gen_gpr
      logic [31:0] value_q;
      always_ff @(posedge clk_i) begin
        if (we_i && (waddr_i == $unsigned(4'(i)))) begin
          value_q <= wdata_i;
        end
      end
      assign regs[i] = value_q;
    end
  end

  always_comb begin
    rdata_a_o = 32'd0;
    rdata_b_o = 32'd0;
    for (int i = 0; i < 16; i++) begin
      rdata_a_o = rdata_a_o | (regs[i] & {32{select_a_i[i]}});
      rdata_b_o = rdata_b_o | (regs[i] & {32{select_b_i[i]}});
    end
  end

endmodule
