// SPDX-License-Identifier: Apache-2.0
//
// One AHB-Lite port for several slaves that need no layer of the bus matrix each: decodes the address once more,
// and returns the answer of the slave that has the data phase.
//
// The vectors hold the signals of all slaves, number 0 lowest. An address outside their regions gets the two-cycle
// ERROR response.

module ahb_share #(
  parameter int                       NumSlaves  = 2,   // Slaves, 2 to 32
  parameter int                       NumRegions = 2,   // Entries of the address map, 2 to 64
  parameter logic [32*NumRegions-1:0] RegionBase = '0,  // First address of each region
  parameter logic [32*NumRegions-1:0] RegionMask = '0,  // Address bits that are compared
  parameter logic [8*NumRegions-1:0]  RegionSlave = '0, // Slave of each region; regions do not overlap
  parameter logic [NumSlaves-1:0]     Quiet = '0        // Slaves whose read data are 0 but in their data phases
) (
  input  logic                    clk_i,         // Clock
  input  logic                    rst_ni,        // Reset, active low: asynchronous assertion, synchronous release

  // Bus
  input  logic                    hsel_i,        // Select
  input  logic [31:0]             haddr_i,       // Address
  input  logic [1:0]              htrans_i,      // Transfer type
  input  logic                    hready_i,      // The bus' HREADY: the previous data phase ends
  output logic [31:0]             hrdata_o,      // Read data
  output logic                    hreadyout_o,   // The data phase ends
  output logic                    hresp_o,       // 1 ERROR

  // Slaves
  output logic [NumSlaves-1:0]    s_hsel_o,      // Selects
  output logic [2*NumSlaves-1:0]  s_htrans_o,    // Transfer types
  input  logic [32*NumSlaves-1:0] s_hrdata_i,    // Read data
  input  logic [NumSlaves-1:0]    s_hreadyout_i, // The data phase ends
  input  logic [NumSlaves-1:0]    s_hresp_i      // 1 ERROR
);

  logic [NumRegions-1:0] match;
  logic [NumSlaves-1:0]  chosen;
  logic [NumSlaves-1:0]  owner_q;  // The slave with the data phase, one-hot or none
  logic                  first_q;  // First cycle of the ERROR response
  logic                  second_q; // Second cycle

  for (genvar r = 0; r < NumRegions; r++) begin : gen_region
    assign match[r] = (haddr_i & RegionMask[32*r +: 32]) == RegionBase[32*r +: 32];
  end

  for (genvar s = 0; s < NumSlaves; s++) begin : gen_slave
    logic [NumRegions-1:0] mine;
    for (genvar r = 0; r < NumRegions; r++) begin : gen_region
      assign mine[r] = match[r] & (RegionSlave[8*r +: 8] == s);
    end
    assign chosen[s]            = mine != '0;
    assign s_hsel_o[s]          = hsel_i & chosen[s];
    assign s_htrans_o[2*s +: 2] = htrans_i;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      owner_q  <= '0;
      first_q  <= 1'b0;
      second_q <= 1'b0;
    end else begin
      if (hready_i) owner_q <= s_hsel_o & {NumSlaves{htrans_i[1]}};
      first_q  <= hready_i & hsel_i & htrans_i[1] & (match == '0);
      second_q <= first_q;
    end
  end

  assign hreadyout_o = ~first_q & ((owner_q & ~s_hreadyout_i) == '0);
  assign hresp_o     = first_q | second_q | ((owner_q & s_hresp_i) != '0);

  always_comb begin
    hrdata_o = 32'd0;
    for (int s = 0; s < NumSlaves; s++) begin
      if (owner_q[s] | Quiet[s]) hrdata_o = hrdata_o | s_hrdata_i[32*s +: 32];
    end
  end

endmodule
