// SPDX-License-Identifier: Apache-2.0
//
// The memory controller with a small memory behind it.

module ahb_ram_tb (
  input  logic        clk_i,       // Clock
  input  logic        rst_ni,      // Reset, active low
  input  logic        hsel_i,      // Slave select
  input  logic [5:0]  haddr_i,     // Byte address
  input  logic [1:0]  htrans_i,    // Transfer type
  input  logic [2:0]  hsize_i,     // Transfer size
  input  logic        hwrite_i,    // Direction
  input  logic [31:0] hwdata_i,    // Write data
  input  logic        hready_i,    // HREADY
  output logic [31:0] hrdata_o,    // Read data
  output logic        hreadyout_o, // HREADYOUT
  output logic        hresp_o      // HRESP
);

  logic        en;
  logic [3:0]  we, addr;
  logic [31:0] wdata, rdata;

  ahb_ram #(
    .AddrWidth   ( 6           )
  ) i_ctrl (
    .clk_i       ( clk_i       ),
    .rst_ni      ( rst_ni      ),
    .hsel_i      ( hsel_i      ),
    .haddr_i     ( haddr_i     ),
    .htrans_i    ( htrans_i    ),
    .hsize_i     ( hsize_i     ),
    .hwrite_i    ( hwrite_i    ),
    .hwdata_i    ( hwdata_i    ),
    .hready_i    ( hready_i    ),
    .hrdata_o    ( hrdata_o    ),
    .hreadyout_o ( hreadyout_o ),
    .hresp_o     ( hresp_o     ),
    .en_o        ( en          ),
    .we_o        ( we          ),
    .addr_o      ( addr        ),
    .wdata_o     ( wdata       ),
    .rdata_i     ( rdata       )
  );

  soc_ram #(
    .AddrWidth ( 4 )
  ) i_ram (
    .clk_i   ( clk_i ),
    .en_i    ( en    ),
    .we_i    ( we    ),
    .addr_i  ( addr  ),
    .wdata_i ( wdata ),
    .rdata_o ( rdata )
  );

endmodule
