// SPDX-License-Identifier: Apache-2.0
//
// One initiator's side of the bus matrix: decodes the address, keeps a transfer that its target cannot take
// yet, and returns the answer of the target that has the data phase.
//
// A steady initiator shows the address phase of a transfer until its data phase ends, so nothing has to keep it.
//
// A transfer that is taken at once costs no wait state. One that has seen 16 - NumInitiators transfers of others at
// its target while it waited asks to go first, so that none waits longer than 16 transfers.

module ahb_matrix_initiator #(
  parameter int                        NumInitiators = 3, // Initiators, 1 to 8
  parameter int                        NumTargets   = 4,  // Targets; one more, the last, answers with ERROR
  parameter int                        NumRegions   = 4,  // Entries of the address map
  parameter int                        Rest         = NumTargets, // Target of addresses without a region
  parameter bit                        Steady       = 1'b0, // The initiator keeps its address until the data phase ends
  parameter bit                        Disjoint     = 1'b0, // No two regions overlap
  parameter logic [32*NumRegions-1:0]  RegionBase   = '0, // First address of each region
  parameter logic [32*NumRegions-1:0]  RegionMask   = '0, // Address bits that are compared
  parameter logic [8*NumRegions-1:0]   RegionTarget = '0  // Target of each region
) (
  input  logic                  clk_i,     // Clock
  input  logic                  rst_ni,    // Reset, active low: asynchronous assertion, synchronous release
  input  logic [NumRegions-1:0] region_i,  // The region is in the map

  // From and to the initiator
  input  logic [31:0]           haddr_i,   // Address
  input  logic [1:0]            htrans_i,  // Transfer type; SEQ is passed on as NONSEQ
  input  logic [2:0]            hsize_i,   // Size
  input  logic [3:0]            hprot_i,   // Protection
  input  logic                  hwrite_i,  // Direction
  output logic [31:0]           hrdata_o,  // Read data
  output logic                  hready_o,  // The data phase ends
  output logic                  hresp_o,   // 1 ERROR

  // To and from the targets
  output logic [NumTargets:0]   request_o, // The target that a transfer waits for
  output logic [39:0]           address_o, // Protection, size, direction and address of that transfer
  output logic [NumTargets:0]   urgent_o,  // It has waited for its target for long enough
  input  logic [NumTargets:0]   accept_i,  // The target takes it in this cycle
  input  logic [NumTargets:0]   take_i,    // The target takes some transfer in this cycle
  input  logic [NumTargets:0]   ready_i,   // The target's data phase ends
  input  logic [NumTargets:0]   resp_i,    // The target answers ERROR
  input  logic [32*NumTargets+31:0] rdata_i // The targets' read data
);

  localparam logic [3:0] Patience = 4'(16 - NumInitiators);

  logic                held_q;     // A transfer waits for its target
  logic [3:0]          waited_q;   // Transfers of others since then
  logic [39:0]         address_q;
  logic [NumTargets:0] owner_q;    // The target with this initiator's data phase, one-hot or none
  logic [NumTargets:0] target_q;   // The target that a held transfer waits for
  logic [NumTargets:0] waiting;    // The same; that of a steady initiator is still shown
  logic [NumTargets:0] chosen;
  logic                request;
  logic                accepted;

  logic unused_htrans;
  assign unused_htrans = htrans_i[0];

  assign request   = held_q | (htrans_i[1] & hready_o);
  assign waiting   = Steady ? chosen : target_q;
  assign address_o = (held_q & ~Steady) ? address_q : {hprot_i, hsize_i, hwrite_i, haddr_i};
  assign request_o = (waiting & {(NumTargets+1){held_q}}) | (chosen & {(NumTargets+1){htrans_i[1] & hready_o}});
  assign accepted  = (request_o & accept_i) != '0;

  // The first region that matches wins.
  logic [NumRegions-1:0] match;
  logic [NumRegions-1:0] first;

  assign first = Disjoint ? match : match & ~(match - 1'b1);

  for (genvar r = 0; r < NumRegions; r++) begin : gen_region
    assign match[r] = region_i[r] &
                      ((haddr_i & RegionMask[32*r +: 32]) == RegionBase[32*r +: 32]);
  end

  for (genvar t = 0; t < NumTargets; t++) begin : gen_target
    logic [NumRegions-1:0] mine;
    for (genvar r = 0; r < NumRegions; r++) begin : gen_region
      assign mine[r] = first[r] & (RegionTarget[8*r +: 8] == t);
    end
    assign chosen[t] = (mine != '0) | ((Rest == t) & (match == '0));
  end
  assign chosen[NumTargets] = (Rest == NumTargets) & (match == '0);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      held_q   <= 1'b0;
      owner_q  <= '0;
      waited_q <= 4'd0;
    end else begin
      held_q <= request & ~accepted;
      if (~request | accepted) waited_q <= 4'd0;
      else if ((request_o & take_i) != '0) waited_q <= waited_q + 4'd1;
      if (request | hready_o) owner_q <= request_o & accept_i;
    end
  end

  always_ff @(posedge clk_i) begin
    address_q <= address_o;
    target_q  <= request_o;
  end

  assign urgent_o = waiting & {(NumTargets+1){held_q & (waited_q >= Patience)}};
  assign hready_o = ~held_q & ((owner_q & ~ready_i) == '0);
  assign hresp_o  = (owner_q & resp_i) != '0;

  always_comb begin
    hrdata_o = 32'd0;
    for (int t = 0; t <= NumTargets; t++) begin
      if (owner_q[t]) hrdata_o = hrdata_o | rdata_i[32*t +: 32];
    end
  end

endmodule
