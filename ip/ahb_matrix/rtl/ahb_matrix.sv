// SPDX-License-Identifier: Apache-2.0
//
// Multi-layer AHB-Lite bus: every initiator reaches every target; initiators that use different targets do
// not disturb each other. The vectors hold the signals of all initiators or targets, number 0 lowest.
//
// Initiator 0 has the highest priority; none waits longer than 16 transfers of others. An address outside
// the map gets the two-cycle ERROR response, and so does a transfer that its target does not end within
// Timeout cycles.

module ahb_matrix #(
  parameter int NumInitiators = 3,    // Initiators, 1 to 8
  parameter int NumTargets    = 4,    // Targets, 1 to 32
  parameter int NumRegions    = 5,    // Entries of the address map, 1 to 64
  parameter int Rest          = NumTargets, // Target of addresses without a region; NumTargets: answered with ERROR
  parameter int Timeout       = 128,  // Clock cycles of a data phase, 2 to 65535
  parameter logic [NumTargets-1:0] Guarded = '1,      // Targets that the time limit is for
  parameter logic [NumInitiators-1:0] Steady = '0,    // Initiators that keep the address until the data phase ends
  parameter bit Disjoint = 1'b0,      // No two regions overlap
  parameter logic [32*NumRegions-1:0] RegionBase =   // First address of each region
    160'h6000_0000_4000_0000_1000_0000_0000_0000_0000_0000,
  parameter logic [32*NumRegions-1:0] RegionMask =   // Address bits that are compared
    160'hF000_0000_F000_0000_F000_0000_F000_0000_F000_0000,
  parameter logic [8*NumRegions-1:0] RegionTarget =  // Target of each region; the first match wins
    40'h03_02_01_00_01
) (
  input  logic                        clk_i,         // Clock
  input  logic                        rst_ni,        // Reset, active low: asynchronous assertion, synchronous release
  input  logic [NumRegions-1:0]       region_i,      // The region is in the map; changes between transfers only

  // Initiators
  input  logic [32*NumInitiators-1:0] i_haddr_i,     // Addresses
  input  logic [2*NumInitiators-1:0]  i_htrans_i,    // Transfer types
  input  logic [3*NumInitiators-1:0]  i_hsize_i,     // Sizes
  input  logic [4*NumInitiators-1:0]  i_hprot_i,     // Protection
  input  logic [NumInitiators-1:0]    i_hwrite_i,    // Directions
  input  logic [32*NumInitiators-1:0] i_hwdata_i,    // Write data
  output logic [32*NumInitiators-1:0] i_hrdata_o,    // Read data
  output logic [NumInitiators-1:0]    i_hready_o,    // The data phase ends
  output logic [NumInitiators-1:0]    i_hresp_o,     // 1 ERROR

  // Targets
  output logic [NumTargets-1:0]       t_hsel_o,      // Selects
  output logic [32*NumTargets-1:0]    t_haddr_o,     // Addresses
  output logic [2*NumTargets-1:0]     t_htrans_o,    // IDLE or NONSEQ
  output logic [3*NumTargets-1:0]     t_hsize_o,     // Sizes
  output logic [4*NumTargets-1:0]     t_hprot_o,     // Protection
  output logic [NumTargets-1:0]       t_hwrite_o,    // Directions
  output logic [32*NumTargets-1:0]    t_hwdata_o,    // Write data
  output logic [NumTargets-1:0]       t_hready_o,    // HREADY of each target's bus
  input  logic [32*NumTargets-1:0]    t_hrdata_i,    // Read data
  input  logic [NumTargets-1:0]       t_hreadyout_i, // The data phase ends
  input  logic [NumTargets-1:0]       t_hresp_i      // 1 ERROR
);

  localparam int NumAll = NumTargets + 1;  // The last target answers with ERROR

  logic [NumInitiators*NumAll-1:0] request;    // By initiator, then target
  logic [NumInitiators*NumAll-1:0] accept;
  logic [40*NumInitiators-1:0]     address;
  logic [NumInitiators*NumAll-1:0] urgent;
  logic [NumAll-1:0]               take;
  logic [NumAll-1:0]               ready;
  logic [NumAll-1:0]               resp;
  logic [32*NumAll-1:0]            rdata;

  for (genvar i = 0; i < NumInitiators; i++) begin : gen_initiator
    ahb_matrix_initiator #(
      .NumInitiators( NumInitiators ),
      .NumTargets   ( NumTargets   ),
      .NumRegions   ( NumRegions   ),
      .Rest         ( Rest         ),
      .Steady       ( Steady[i]    ),
      .Disjoint     ( Disjoint     ),
      .RegionBase   ( RegionBase   ),
      .RegionMask   ( RegionMask   ),
      .RegionTarget ( RegionTarget )
    ) i_initiator (
      .clk_i     ( clk_i                          ),
      .rst_ni    ( rst_ni                         ),
      .region_i  ( region_i                       ),
      .haddr_i   ( i_haddr_i[32*i +: 32]          ),
      .htrans_i  ( i_htrans_i[2*i +: 2]           ),
      .hsize_i   ( i_hsize_i[3*i +: 3]            ),
      .hprot_i   ( i_hprot_i[4*i +: 4]            ),
      .hwrite_i  ( i_hwrite_i[i]                  ),
      .hrdata_o  ( i_hrdata_o[32*i +: 32]         ),
      .hready_o  ( i_hready_o[i]                  ),
      .hresp_o   ( i_hresp_o[i]                   ),
      .request_o ( request[NumAll*i +: NumAll]    ),
      .address_o ( address[40*i +: 40]            ),
      .urgent_o  ( urgent[NumAll*i +: NumAll]     ),
      .accept_i  ( accept[NumAll*i +: NumAll]     ),
      .take_i    ( take                           ),
      .ready_i   ( ready                          ),
      .resp_i    ( resp                           ),
      .rdata_i   ( rdata                          )
    );
  end

  for (genvar t = 0; t < NumTargets; t++) begin : gen_target
    logic [NumInitiators-1:0] to_target;
    logic [NumInitiators-1:0] hurry;
    logic [NumInitiators-1:0] taken;

    for (genvar i = 0; i < NumInitiators; i++) begin : gen_initiator
      assign to_target[i]         = request[NumAll*i + t];
      assign hurry[i]             = urgent[NumAll*i + t];
      assign accept[NumAll*i + t] = taken[i];
    end

    ahb_matrix_target #(
      .NumInitiators ( NumInitiators ),
      .Timeout       ( Timeout       ),
      .Guarded       ( Guarded[t]    )
    ) i_target (
      .clk_i       ( clk_i                  ),
      .rst_ni      ( rst_ni                 ),
      .request_i   ( to_target              ),
      .urgent_i    ( hurry                  ),
      .address_i   ( address                ),
      .wdata_i     ( i_hwdata_i             ),
      .accept_o    ( taken                  ),
      .take_o      ( take[t]                ),
      .ready_o     ( ready[t]               ),
      .resp_o      ( resp[t]                ),
      .rdata_o     ( rdata[32*t +: 32]      ),
      .hsel_o      ( t_hsel_o[t]            ),
      .haddr_o     ( t_haddr_o[32*t +: 32]  ),
      .htrans_o    ( t_htrans_o[2*t +: 2]   ),
      .hsize_o     ( t_hsize_o[3*t +: 3]    ),
      .hprot_o     ( t_hprot_o[4*t +: 4]    ),
      .hwrite_o    ( t_hwrite_o[t]          ),
      .hwdata_o    ( t_hwdata_o[32*t +: 32] ),
      .hready_o    ( t_hready_o[t]          ),
      .hrdata_i    ( t_hrdata_i[32*t +: 32] ),
      .hreadyout_i ( t_hreadyout_i[t]       ),
      .hresp_i     ( t_hresp_i[t]           )
    );
  end

  // Outside the map: any number of initiators can have this answer at the same time.
  logic [NumInitiators-1:0] lost;
  logic                     first_q, second_q;

  for (genvar i = 0; i < NumInitiators; i++) begin : gen_lost
    assign lost[i]                       = request[NumAll*i + NumTargets];
    assign accept[NumAll*i + NumTargets] = ready[NumTargets];
  end

  assign take[NumTargets]          = 1'b0;  // everyone is answered at once
  assign ready[NumTargets]         = ~first_q;
  assign resp[NumTargets]          = first_q | second_q;
  assign rdata[32*NumTargets +: 32] = 32'd0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q  <= 1'b0;
      second_q <= 1'b0;
    end else begin
      first_q  <= ~first_q & (lost != '0);
      second_q <= first_q;
    end
  end

endmodule
