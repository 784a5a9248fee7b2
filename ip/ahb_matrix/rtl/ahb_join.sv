// SPDX-License-Identifier: Apache-2.0
//
// Several AHB-Lite masters in front of one port of the bus matrix, for masters that are seldom busy at once.
//
// One transfer at a time: an address phase waits, with HREADY low, until the data phase of another master has
// ended. Master 0 goes first. The masters keep the address until the data phase ends, and leave at least one
// cycle between a data phase and the next address phase; so the next one in order waits for one transfer of each
// that goes before it. The vectors hold the signals of all masters, number 0 lowest.

module ahb_join #(
  parameter int NumMasters = 2                      // Masters, 2 to 8
) (
  input  logic                     clk_i,           // Clock
  input  logic                     rst_ni,          // Reset, active low: asynchronous assertion, synchronous release

  // Masters
  input  logic [32*NumMasters-1:0] m_haddr_i,       // Addresses
  input  logic [2*NumMasters-1:0]  m_htrans_i,      // Transfer types
  input  logic [3*NumMasters-1:0]  m_hsize_i,       // Sizes
  input  logic [4*NumMasters-1:0]  m_hprot_i,       // Protection
  input  logic [NumMasters-1:0]    m_hwrite_i,      // Directions
  input  logic [32*NumMasters-1:0] m_hwdata_i,      // Write data
  output logic [32*NumMasters-1:0] m_hrdata_o,      // Read data
  output logic [NumMasters-1:0]    m_hready_o,      // The data phase ends; 0 while an address phase waits
  output logic [NumMasters-1:0]    m_hresp_o,       // 1 ERROR

  // Bus
  output logic [31:0]              haddr_o,         // Address, until the data phase ends
  output logic [1:0]               htrans_o,        // IDLE or NONSEQ
  output logic [2:0]               hsize_o,         // Size
  output logic [3:0]               hprot_o,         // Protection
  output logic                     hwrite_o,        // Direction
  output logic [31:0]              hwdata_o,        // Write data
  input  logic [31:0]              hrdata_i,        // Read data
  input  logic                     hready_i,        // The data phase ends; 1 without one
  input  logic                     hresp_i          // 1 ERROR
);

  logic [NumMasters-1:0] request;
  logic [NumMasters-1:0] grant;
  logic [NumMasters-1:0] shown;    // The master whose address is shown
  logic [NumMasters-1:0] owner_q;  // The master with the data phase, one-hot or none
  logic                  busy;     // A data phase

  for (genvar m = 0; m < NumMasters; m++) begin : gen_master
    logic unused_htrans;
    assign unused_htrans             = m_htrans_i[2*m];
    assign request[m]                = m_htrans_i[2*m + 1];
    assign m_hrdata_o[32*m +: 32]    = hrdata_i;
  end

  assign busy     = owner_q != '0;
  assign grant    = request & ~(request - 1'b1);
  assign shown    = busy ? owner_q : grant;
  assign htrans_o = {~busy & (request != '0), 1'b0};

  assign m_hready_o = (owner_q & {NumMasters{hready_i}}) | (~owner_q & ~(request & ({NumMasters{busy}} | ~grant)));
  assign m_hresp_o  = owner_q & {NumMasters{hresp_i}};

  always_comb begin
    {haddr_o, hsize_o, hprot_o, hwrite_o, hwdata_o} = '0;
    for (int m = 0; m < NumMasters; m++) begin
      if (shown[m]) begin
        haddr_o  = haddr_o | m_haddr_i[32*m +: 32];
        hsize_o  = hsize_o | m_hsize_i[3*m +: 3];
        hprot_o  = hprot_o | m_hprot_i[4*m +: 4];
        hwrite_o = hwrite_o | m_hwrite_i[m];
        hwdata_o = hwdata_o | m_hwdata_i[32*m +: 32];
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      owner_q <= '0;
    end else if (~busy) begin
      owner_q <= grant;
    end else if (hready_i) begin
      owner_q <= '0;
    end
  end

endmodule
