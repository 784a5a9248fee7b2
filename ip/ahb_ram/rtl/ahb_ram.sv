// SPDX-License-Identifier: Apache-2.0
//
// AHB-Lite slave that operates a single-port memory (soc_ram).
//
// The data of a write come one cycle after its address, when the next address may already want to read. That
// read then waits for one cycle; nothing else takes a wait state.

module ahb_ram #(
  parameter int AddrWidth = 12             // Bits of the byte address, 4 to 16
) (
  input  logic                 clk_i,      // Clock; all inputs and outputs are synchronous to it
  input  logic                 rst_ni,     // Reset, active low: asynchronous assertion, synchronous release

  // AHB-Lite slave
  input  logic                 hsel_i,     // Slave select
  input  logic [AddrWidth-1:0] haddr_i,    // Byte address, aligned to the size
  input  logic [1:0]           htrans_i,   // Transfer type: bit 1 set for NONSEQ and SEQ
  input  logic [2:0]           hsize_i,    // Transfer size: byte, halfword, word
  input  logic                 hwrite_i,   // 1 write, 0 read
  input  logic [31:0]          hwdata_i,   // Write data, in the data phase
  input  logic                 hready_i,   // The bus' HREADY: the previous data phase ends
  output logic [31:0]          hrdata_o,   // Read data, in the data phase
  output logic                 hreadyout_o,// 0 while a read waits for the write before it
  output logic                 hresp_o,    // Always 0

  // Memory
  output logic                 en_o,       // Access in this cycle
  output logic [3:0]           we_o,       // Bytes to write, lowest first; 0 reads
  output logic [AddrWidth-3:0] addr_o,     // Word address
  output logic [31:0]          wdata_o,    // Write data
  input  logic [31:0]          rdata_i     // Read data, one cycle after the read
);

  logic                 accept;
  logic                 write_q;   // Data phase of a write
  logic                 late_q;    // First cycle of the data phase of a read that had to wait
  logic [3:0]           bytes_q;   // Lanes of the write
  logic [AddrWidth-3:0] addr_q;
  logic                 unused_bits;

  assign unused_bits = ^{htrans_i[0], hsize_i[2]};  // SEQ is treated like NONSEQ, BUSY like IDLE

  assign accept = hready_i & hsel_i & htrans_i[1];

  assign en_o    = write_q | late_q | (accept & ~hwrite_i);
  assign we_o    = write_q ? bytes_q : 4'd0;
  assign addr_o  = (write_q | late_q) ? addr_q : haddr_i[AddrWidth-1:2];
  assign wdata_o = hwdata_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      write_q <= 1'b0;
      late_q  <= 1'b0;
    end else begin
      write_q <= accept & hwrite_i;
      late_q  <= accept & ~hwrite_i & write_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (accept) begin
      addr_q  <= haddr_i[AddrWidth-1:2];
      bytes_q <= hsize_i[1] ? 4'b1111 : hsize_i[0] ? (haddr_i[1] ? 4'b1100 : 4'b0011) : 4'b0001 << haddr_i[1:0];
    end
  end

  assign hrdata_o    = rdata_i;
  assign hreadyout_o = ~late_q;
  assign hresp_o     = 1'b0;

endmodule
