// SPDX-License-Identifier: Apache-2.0
//
// One target's side of the bus matrix: chooses among the initiators and guards the target.
//
// A lower initiator number has priority, but an initiator that has waited for long enough goes first.
//
// A target that keeps a data phase waiting for Timeout cycles is given up: that transfer, and every one that
// comes before the target has ended it, gets the ERROR response without reaching the target.

module ahb_matrix_target #(
  parameter int NumInitiators = 3,    // Initiators, 1 to 8
  parameter int Timeout       = 128,  // Clock cycles, 2 to 65535
  parameter bit Guarded       = 1'b1  // 0: the target ends every data phase by itself
) (
  input  logic                        clk_i,     // Clock
  input  logic                        rst_ni,    // Reset, active low: asynchronous assertion, synchronous release

  // From and to the initiators
  input  logic [NumInitiators-1:0]    request_i, // Transfers that wait for this target
  input  logic [NumInitiators-1:0]    urgent_i,  // Those of them that have waited for long enough
  input  logic [40*NumInitiators-1:0] address_i, // Protection, size, direction and address of each
  input  logic [32*NumInitiators-1:0] wdata_i,   // Write data of each, in its data phase
  output logic [NumInitiators-1:0]    accept_o,  // The transfer taken in this cycle
  output logic                        take_o,    // A transfer is taken in this cycle
  output logic                        ready_o,   // The data phase ends
  output logic                        resp_o,    // ERROR
  output logic [31:0]                 rdata_o,   // Read data

  // To and from the target
  output logic                        hsel_o,    // Select
  output logic [31:0]                 haddr_o,   // Address
  output logic [1:0]                  htrans_o,  // IDLE or NONSEQ
  output logic [2:0]                  hsize_o,   // Size
  output logic [3:0]                  hprot_o,   // Protection
  output logic                        hwrite_o,  // Direction
  output logic [31:0]                 hwdata_o,  // Write data
  output logic                        hready_o,  // HREADY of the target's bus
  input  logic [31:0]                 hrdata_i,  // Read data
  input  logic                        hreadyout_i, // The target's data phase ends
  input  logic                        hresp_i    // The target answers ERROR
);

  localparam int TimeBits = $clog2(Timeout);

  /////////////////
  // Arbitration //
  /////////////////

  logic [NumInitiators-1:0] field;
  logic [NumInitiators-1:0] grant;
  logic [NumInitiators-1:0] pick;     // The initiator whose address is shown
  logic [NumInitiators-1:0] owner_q;  // Initiator of the data phase
  logic                     take;

  assign field    = (urgent_i != '0) ? urgent_i : request_i;
  assign grant    = field & ~(field - 1'b1);

  // The last initiator's address is shown when nobody else's has to be, so that it does not wait for its decoder.
  always_comb begin
    pick                  = grant;
    pick[NumInitiators-1] = 1'b1;
    for (int i = 0; i < NumInitiators - 1; i++) begin
      if (grant[i]) pick[NumInitiators-1] = 1'b0;
    end
  end

  assign take     = ready_o & (request_i != '0);
  assign accept_o = grant & {NumInitiators{ready_o}};
  assign take_o   = take;

  logic [39:0] address;
  logic [31:0] wdata;

  always_comb begin
    address = 40'd0;
    wdata   = 32'd0;
    for (int i = 0; i < NumInitiators; i++) begin
      if (pick[i]) address = address | address_i[40*i +: 40];
      if (owner_q[i]) wdata = wdata | wdata_i[32*i +: 32];
    end
  end

  ///////////
  // Guard //
  ///////////

  logic        data_q;   // A data phase of the target
  logic        first_q;  // First cycle of the guard's own ERROR response
  logic        second_q; // Second cycle
  logic        given_up_q;
  logic [TimeBits-1:0] left_q;
  logic        time_over;

  assign time_over = Guarded & data_q & ~hreadyout_i & (left_q == '0);

  assign ready_o = ~first_q & (second_q | ~data_q | hreadyout_i);
  assign resp_o  = first_q | second_q | (data_q & hresp_i);
  assign rdata_o = hrdata_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      owner_q    <= '0;
      data_q     <= 1'b0;
      first_q    <= 1'b0;
      second_q   <= 1'b0;
      given_up_q <= 1'b0;
    end else begin
      owner_q    <= ready_o ? accept_o & request_i : owner_q;
      data_q     <= ready_o ? take & ~given_up_q : data_q & ~time_over;
      first_q    <= (take & given_up_q) | time_over;
      second_q   <= first_q;
      given_up_q <= (given_up_q | time_over) & ~hreadyout_i;
    end
  end

  always_ff @(posedge clk_i) begin
    left_q <= ready_o ? TimeBits'(Timeout - 1) : left_q - 1'b1;
  end

  // An address phase lasts one cycle: nothing is shown to a target that is busy.
  assign hsel_o   = take & ~given_up_q;
  assign htrans_o = {hsel_o, 1'b0};
  assign haddr_o  = address[31:0];
  assign hwrite_o = address[32];
  assign hsize_o  = address[35:33];
  assign hprot_o  = address[39:36];
  assign hwdata_o = wdata;
  assign hready_o = hreadyout_i;

endmodule
