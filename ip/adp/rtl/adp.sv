// SPDX-License-Identifier: Apache-2.0
//
// Debug port: ASCII commands over a serial line, performed on an AHB-Lite bus.
//
// The bit time of the line is learned from the first ESC. The port needs no processor: it can hold it in
// reset, load memories, and read and write everything on the bus. README.md describes the commands.

module adp #(
  parameter int PeriodWidth = 20,   // Bits of the measured time of eight bits, 8 to 24
  parameter int Timeout     = 256,  // Clock cycles until a bus access or stdin counts as failed, 2 to 65535
  parameter bit Guard       = 1'b1, // 0: the bus ends every access by itself
  parameter int IdleBits    = 16    // An upload ends after 2^IdleBits bit times without a byte, 4 to 24
) (
  input  logic        clk_i,          // Clock; all inputs but rx_i are synchronous to it
  input  logic        rst_ni,         // Reset, active low: asynchronous assertion, synchronous release

  // Serial line, 8N1, idle high
  input  logic        rx_i,           // From the host, asynchronous
  output logic        tx_o,           // To the host

  // AHB-Lite master
  output logic [31:0] haddr_o,        // Address
  output logic [1:0]  htrans_o,       // IDLE or NONSEQ
  output logic [2:0]  hsize_o,        // Size: 0 byte, 1 halfword, 2 word
  output logic [2:0]  hburst_o,       // SINGLE
  output logic [3:0]  hprot_o,        // Data access, privileged
  output logic        hmastlock_o,    // Never locked
  output logic        hwrite_o,       // 1 write, 0 read
  output logic [31:0] hwdata_o,       // Write data, in the data phase
  input  logic [31:0] hrdata_i,       // Read data, in the data phase
  input  logic        hready_i,       // The data phase ends
  input  logic        hresp_i,        // 1 ERROR

  // Processor
  output logic        stdin_valid_o,  // stdin_data_o is a byte for the processor
  input  logic        stdin_ready_i,  // The byte is taken in this cycle
  output logic [7:0]  stdin_data_o,   // Byte
  input  logic        stdout_valid_i, // stdout_data_i is a byte of the processor
  output logic        stdout_ready_o, // The byte is taken in this cycle
  input  logic [7:0]  stdout_data_i,  // Byte
  output logic        cpu_hold_o,     // Hold the processor in reset: bit 0 of gpo_o
  output logic [7:0]  gpo_o,          // General outputs
  input  logic [7:0]  gpi_i           // General inputs
);

  logic                   rx_meta_q, rx_q;
  logic                   locked, found, line_break, tick;
  logic [PeriodWidth-1:0] period;
  logic                   rx_valid, tx_valid, tx_ready;
  logic [7:0]             rx_data, tx_data;
  logic                   idle, start, write, done, error;
  logic [1:0]             size;
  logic [31:0]            addr, wdata, rdata;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rx_meta_q <= 1'b1;
      rx_q      <= 1'b1;
    end else begin
      rx_meta_q <= rx_i;
      rx_q      <= rx_meta_q;
    end
  end

  adp_autobaud #(
    .Width    ( PeriodWidth )
  ) i_autobaud (
    .clk_i    ( clk_i      ),
    .rst_ni   ( rst_ni     ),
    .rx_i     ( rx_q       ),
    .break_i  ( line_break ),
    .locked_o ( locked     ),
    .found_o  ( found      ),
    .period_o ( period     )
  );

  adp_uart #(
    .Width      ( PeriodWidth )
  ) i_uart (
    .clk_i      ( clk_i      ),
    .rst_ni     ( rst_ni     ),
    .enable_i   ( locked     ),
    .period_i   ( period     ),
    .rx_i       ( rx_q       ),
    .tx_o       ( tx_o       ),
    .tick_o     ( tick       ),
    .break_o    ( line_break ),
    .rx_valid_o ( rx_valid   ),
    .rx_data_o  ( rx_data    ),
    .tx_valid_i ( tx_valid   ),
    .tx_ready_o ( tx_ready   ),
    .tx_data_i  ( tx_data    )
  );

  adp_monitor #(
    .Timeout        ( Timeout        ),
    .IdleBits       ( IdleBits       )
  ) i_monitor (
    .clk_i          ( clk_i          ),
    .rst_ni         ( rst_ni         ),
    .locked_i       ( locked         ),
    .found_i        ( found          ),
    .tick_i         ( tick           ),
    .rx_valid_i     ( rx_valid       ),
    .rx_data_i      ( rx_data        ),
    .tx_valid_o     ( tx_valid       ),
    .tx_ready_i     ( tx_ready       ),
    .tx_data_o      ( tx_data        ),
    .idle_i         ( idle           ),
    .start_o        ( start          ),
    .write_o        ( write          ),
    .size_o         ( size           ),
    .addr_o         ( addr           ),
    .wdata_o        ( wdata          ),
    .done_i         ( done           ),
    .error_i        ( error          ),
    .rdata_i        ( rdata          ),
    .stdin_valid_o  ( stdin_valid_o  ),
    .stdin_ready_i  ( stdin_ready_i  ),
    .stdin_data_o   ( stdin_data_o   ),
    .stdout_valid_i ( stdout_valid_i ),
    .stdout_ready_o ( stdout_ready_o ),
    .stdout_data_i  ( stdout_data_i  ),
    .gpo_o          ( gpo_o          ),
    .gpi_i          ( gpi_i          )
  );

  adp_bus #(
    .Timeout  ( Timeout  ),
    .Guard    ( Guard    )
  ) i_bus (
    .clk_i    ( clk_i    ),
    .rst_ni   ( rst_ni   ),
    .idle_o   ( idle     ),
    .start_i  ( start    ),
    .write_i  ( write    ),
    .size_i   ( size     ),
    .addr_i   ( addr     ),
    .wdata_i  ( wdata    ),
    .done_o   ( done     ),
    .error_o  ( error    ),
    .rdata_o  ( rdata    ),
    .haddr_o  ( haddr_o  ),
    .htrans_o ( htrans_o ),
    .hsize_o  ( hsize_o  ),
    .hwrite_o ( hwrite_o ),
    .hwdata_o ( hwdata_o ),
    .hrdata_i ( hrdata_i ),
    .hready_i ( hready_i ),
    .hresp_i  ( hresp_i  )
  );

  assign hburst_o    = 3'b000;
  assign hprot_o     = 4'b0011;
  assign hmastlock_o = 1'b0;
  assign cpu_hold_o  = gpo_o[0];

endmodule
