// SPDX-License-Identifier: Apache-2.0
//
// The test engine of tiny.py, which fills in the parameters.

module accel_engine #(
  parameter int NIn = 0,
  parameter int NOut = 0,
  parameter int InWidth = 0,
  parameter int InSigned = 0,
  parameter int OutWidth = 0,
  parameter int InAddrWidth = 0,
  parameter int OutAddrWidth = 0,
`ifdef TINY_WEIGHTS
  parameter int NWeights = 0,
`endif
  parameter int EarlyDone = 0
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
`ifdef TINY_WEIGHTS
  input  logic                    load_clear_i,
  input  logic                    load_we_i,
  input  logic [31:0]             load_data_i,
  output logic                    loaded_o,
`endif
  input  logic                    in_we_i,
  input  logic [InAddrWidth-1:0]  in_addr_i,
  input  logic [InWidth-1:0]      in_data_i,
  input  logic                    start_i,
  output logic                    busy_o,
  output logic                    done_o,
  input  logic [OutAddrWidth-1:0] out_addr_i,
  output logic [OutWidth-1:0]     out_data_o
);

  localparam logic [InAddrWidth-1:0]  LastIn  = InAddrWidth'(NIn - 1);
  localparam logic [OutAddrWidth-1:0] LastOut = OutAddrWidth'(NOut - 1);

  logic [InWidth-1:0]      x_q [0:NIn-1];
  logic [OutWidth-1:0]     y_q [0:NOut-1];
  logic [InAddrWidth-1:0]  i_q;
  logic [OutAddrWidth-1:0] j_q;
  logic [OutWidth-1:0]     sum_q;
  logic [OutWidth-1:0]     sum_d;
  logic [InWidth-1:0]      x;
  logic [63:0]             product;
  logic [OutWidth-1:0]     weight;   // What output j begins with: word j % NWeights of the image
  logic                    busy_q;
  logic                    last;
  logic                    late_q;
  logic                    unused_product;

  assign x       = x_q[i_q];
  assign product = {{(64 - InWidth){(InSigned != 0) & x[InWidth-1]}}, x}
                 * ({{(64 - InAddrWidth){1'b0}}, i_q} + {{(64 - OutAddrWidth){1'b0}}, j_q} + 64'd1);
  assign sum_d   = ((i_q == '0) ? weight : sum_q) + product[OutWidth-1:0];
  assign last    = busy_q & (i_q == LastIn) & (j_q == LastOut);
  assign unused_product = ^product[63:OutWidth];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      late_q <= 1'b0;
      i_q    <= '0;
      j_q    <= '0;
    end else begin
      late_q <= last;
      if (busy_q) begin
        i_q <= (i_q == LastIn) ? '0 : i_q + 1'b1;
        if (i_q == LastIn) j_q <= (j_q == LastOut) ? '0 : j_q + 1'b1;
        if (last) busy_q <= 1'b0;
      end else begin
        busy_q <= start_i;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (in_we_i && !busy_q) x_q[in_addr_i] <= in_data_i;
    sum_q <= sum_d;
    if (busy_q && i_q == LastIn) y_q[j_q] <= sum_d;
  end

`ifdef TINY_WEIGHTS
  localparam logic [31:0] Words = $unsigned(NWeights);

  logic [31:0] words_q [0:NWeights-1];
  logic [31:0] word;
  logic [31:0] count_q;
  logic        unused_word;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)                          count_q <= '0;
    else if (load_clear_i)                count_q <= '0;
    else if (load_we_i && !busy_q && !loaded_o) count_q <= count_q + 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (load_we_i && !busy_q && !loaded_o) words_q[count_q] <= load_data_i;
  end

  assign loaded_o    = count_q == Words;
  assign word        = words_q[32'(j_q) % Words];
  assign weight      = word[OutWidth-1:0];
  assign unused_word = ^word;
`else
  assign weight = '0;
`endif

  assign busy_o     = busy_q;
  assign done_o     = (EarlyDone != 0) ? last : late_q;
  assign out_data_o = y_q[out_addr_i];

endmodule
