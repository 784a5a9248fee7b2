// SPDX-License-Identifier: Apache-2.0
//
// Single-port memory of 32-bit words with byte enables, made of flip-flops in synthesis.
//
// Read data appear one cycle after the address and stay until the next read. A write leaves them alone. The
// contents are undefined after power-up.

module soc_ram #(
  parameter int AddrWidth = 6            // Bits of the word address, 2 to 14
) (
  input  logic                 clk_i,    // Clock
  input  logic                 en_i,     // Access in this cycle
  input  logic [3:0]           we_i,     // Bytes to write, lowest first; 0 reads
  input  logic [AddrWidth-1:0] addr_i,   // Word address
  input  logic [31:0]          wdata_i,  // Write data
  output logic [31:0]          rdata_o   // Read data, one cycle after the read
);

  logic [31:0] words [0:(1<<AddrWidth)-1];
  logic [31:0] rdata_q;

  always_ff @(posedge clk_i) begin
    if (en_i & we_i[0]) words[addr_i][7:0]   <= wdata_i[7:0];
    if (en_i & we_i[1]) words[addr_i][15:8]  <= wdata_i[15:8];
    if (en_i & we_i[2]) words[addr_i][23:16] <= wdata_i[23:16];
    if (en_i & we_i[3]) words[addr_i][31:24] <= wdata_i[31:24];
    if (en_i & (we_i == 4'd0)) rdata_q <= words[addr_i];
  end

  assign rdata_o = rdata_q;

endmodule
