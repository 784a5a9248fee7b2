// SPDX-License-Identifier: Apache-2.0
//
// AHB-Lite slave that operates a single-port memory (soc_ram) without wait states.
//
// The data of a write come one cycle after its address, when the next address may already want to read. So
// a write waits in a buffer until the memory is free; a read of a word whose write still waits takes the
// written bytes from the buffer.

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
  output logic                 hreadyout_o,// Always 1
  output logic                 hresp_o,    // Always 0

  // Memory
  output logic                 en_o,       // Access in this cycle
  output logic [3:0]           we_o,       // Bytes to write, lowest first; 0 reads
  output logic [AddrWidth-3:0] addr_o,     // Word address
  output logic [31:0]          wdata_o,    // Write data
  input  logic [31:0]          rdata_i     // Read data, one cycle after the read
);

  logic                 accept;
  logic                 read;
  logic                 write;
  logic [3:0]           bytes;         // Lanes of this transfer
  logic                 data_phase_q;  // The data of a write are on the bus
  logic                 waiting_q;     // The data of a write wait in the buffer
  logic                 pending;
  logic                 same;
  logic [AddrWidth-3:0] addr_q;
  logic [3:0]           bytes_q;
  logic [31:0]          data_q;
  logic [3:0]           forward_q;     // Lanes of this read that come from the buffer
  logic                 unused_bits;

  assign unused_bits = ^{htrans_i[0], hsize_i[2]};  // SEQ is treated like NONSEQ, BUSY like IDLE

  assign accept = hready_i & hsel_i & htrans_i[1];
  assign read   = accept & ~hwrite_i;
  assign write  = accept & hwrite_i;
  assign bytes  = hsize_i[1] ? 4'b1111 : hsize_i[0] ? (haddr_i[1] ? 4'b1100 : 4'b0011) : 4'b0001 << haddr_i[1:0];

  assign pending = data_phase_q | waiting_q;
  assign same    = pending & (haddr_i[AddrWidth-1:2] == addr_q);

  assign en_o    = read | pending;
  assign we_o    = read ? 4'd0 : bytes_q;
  assign addr_o  = read ? haddr_i[AddrWidth-1:2] : addr_q;
  assign wdata_o = data_phase_q ? hwdata_i : data_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      data_phase_q <= 1'b0;
      waiting_q    <= 1'b0;
    end else begin
      data_phase_q <= write;
      waiting_q    <= pending & read;
    end
  end

  always_ff @(posedge clk_i) begin
    if (write) begin
      addr_q  <= haddr_i[AddrWidth-1:2];
      bytes_q <= bytes;
    end
    if (data_phase_q) data_q <= hwdata_i;
    if (read) forward_q <= bytes_q & {4{same}};
  end

  for (genvar b = 0; b < 4; b++) begin : gen_lane
    assign hrdata_o[8*b +: 8] = forward_q[b] ? data_q[8*b +: 8] : rdata_i[8*b +: 8];
  end

  assign hreadyout_o = 1'b1;
  assign hresp_o     = 1'b0;

endmodule
