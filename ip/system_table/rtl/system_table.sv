// SPDX-License-Identifier: Apache-2.0
//
// AHB-Lite slave with the constants of system_table.rdl. Everything but an aligned 32-bit read of a table
// entry gets the ERROR response.

module system_table (
  input  logic        clk_i,       // Clock; all inputs and outputs are synchronous to it
  input  logic        rst_ni,      // Reset, active low: asynchronous assertion, synchronous release

  // AHB-Lite slave
  input  logic        hsel_i,      // Slave select
  input  logic [7:0]  haddr_i,     // Byte address inside the window
  input  logic [1:0]  htrans_i,    // Transfer type: bit 1 set for NONSEQ and SEQ
  input  logic [2:0]  hsize_i,     // Transfer size; only 3'b010 (32 bits) is accepted
  input  logic        hwrite_i,    // 1 write, 0 read
  input  logic [31:0] hwdata_i,    // Write data: not used
  input  logic        hready_i,    // The bus' HREADY: the previous data phase ends
  output logic [31:0] hrdata_o,    // Read data, in the data phase
  output logic        hreadyout_o, // 0 in the first cycle of an ERROR response, else 1
  output logic        hresp_o      // 1 in both cycles of an ERROR response
);

  logic [5:0] addr;
  logic       write, legal, commit, active;

  ahb_slave #(
    .AddrWidth   ( 8           )
  ) i_slave (
    .clk_i       ( clk_i       ),
    .rst_ni      ( rst_ni      ),
    .hsel_i      ( hsel_i      ),
    .haddr_i     ( haddr_i     ),
    .htrans_i    ( htrans_i    ),
    .hsize_i     ( hsize_i     ),
    .hwrite_i    ( hwrite_i    ),
    .hready_i    ( hready_i    ),
    .hreadyout_o ( hreadyout_o ),
    .hresp_o     ( hresp_o     ),
    .addr_o      ( addr        ),
    .write_o     ( write       ),
    .legal_i     ( legal       ),
    .commit_o    ( commit      ),
    .active_o    ( active )
  );

  system_table_regs i_regs (
    .clk_i    ( clk_i    ),
    .rst_ni   ( rst_ni   ),
    .addr_i   ( addr     ),
    .write_i  ( write    ),
    .commit_i ( commit   ),
    .read_i   ( active   ),
    .wdata_i  ( hwdata_i ),
    .rdata_o  ( hrdata_o ),
    .legal_o  ( legal    )
  );

endmodule
