// SPDX-License-Identifier: Apache-2.0
//
// AHB-Lite slave that shows a read-only memory made of logic. Reads of any size take no wait state; a write gets
// the ERROR response.

module ahb_rom #(
  parameter int AddrWidth = 11              // Bits of the byte address, 4 to 16
) (
  input  logic                 clk_i,       // Clock; all inputs and outputs are synchronous to it
  input  logic                 rst_ni,      // Reset, active low: asynchronous assertion, synchronous release

  // AHB-Lite slave
  input  logic                 hsel_i,      // Slave select
  input  logic [AddrWidth-1:0] haddr_i,     // Byte address, aligned to the size
  input  logic [1:0]           htrans_i,    // Transfer type: bit 1 set for NONSEQ and SEQ
  input  logic [2:0]           hsize_i,     // Transfer size: byte, halfword, word
  input  logic                 hwrite_i,    // 1 write, 0 read
  input  logic [31:0]          hwdata_i,    // Write data: not used
  input  logic                 hready_i,    // The bus' HREADY: the previous data phase ends
  output logic [31:0]          hrdata_o,    // Read data, in the data phase
  output logic                 hreadyout_o, // 0 in the first cycle of an ERROR response, else 1
  output logic                 hresp_o,     // 1 in both cycles of an ERROR response

  // Contents
  output logic [AddrWidth-3:0] addr_o,      // Word address
  input  logic [31:0]          data_i       // Word at that address, in the same cycle
);

  logic                 write, unused_commit, unused_active, unused_wdata;

  assign unused_wdata = ^hwdata_i;

  ahb_slave #(
    .AddrWidth   ( AddrWidth ),
    .WordOnly    ( 1'b0      )
  ) i_slave (
    .clk_i       ( clk_i         ),
    .rst_ni      ( rst_ni        ),
    .hsel_i      ( hsel_i        ),
    .haddr_i     ( haddr_i       ),
    .htrans_i    ( htrans_i      ),
    .hsize_i     ( hsize_i       ),
    .hwrite_i    ( hwrite_i      ),
    .hready_i    ( hready_i      ),
    .hreadyout_o ( hreadyout_o   ),
    .hresp_o     ( hresp_o       ),
    .addr_o      ( addr_o        ),
    .write_o     ( write         ),
    .legal_i     ( ~write        ),
    .commit_o    ( unused_commit ),
    .active_o    ( unused_active   )
  );

  assign hrdata_o = data_i;

endmodule
