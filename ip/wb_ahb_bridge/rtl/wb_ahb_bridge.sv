// SPDX-License-Identifier: Apache-2.0
//
// Bridge from Wishbone to AHB-Lite: the slave of a classic bus, the master of another one.
//
// Everything of an access is kept, so neither bus waits for the other one's logic, and a master that gives up
// breaks no rule of AHB-Lite: its transfers end, nothing is acknowledged. Byte lanes that are no aligned word,
// half or byte take several transfers, the lowest lane first; no lane at all takes none. The address stays until
// the data phase ends, and a cycle lies between two transfers.

module wb_ahb_bridge (
  input  logic        clk_i,     // Clock of both buses
  input  logic        rst_ni,    // Reset, active low: asynchronous assertion, synchronous release

  // Wishbone slave
  input  logic        wb_cyc_i,  // Bus cycle
  input  logic        wb_stb_i,  // Access; stays until the acknowledgement, like the next four
  input  logic        wb_we_i,   // 1 write, 0 read
  input  logic [3:0]  wb_sel_i,  // Byte lanes
  input  logic [31:2] wb_adr_i,  // Word address
  input  logic [31:0] wb_dat_i,  // Write data
  output logic        wb_ack_o,  // The access ends, failed or not
  output logic [31:0] wb_dat_o,  // Read data of the selected lanes, with the acknowledgement; all ones if it failed
  output logic        error_o,   // The last access failed

  // AHB-Lite master
  output logic [31:0] haddr_o,   // Address
  output logic [1:0]  htrans_o,  // IDLE or NONSEQ
  output logic [2:0]  hsize_o,   // Size
  output logic [3:0]  hprot_o,   // Protection: data, privileged
  output logic        hwrite_o,  // 1 write, 0 read
  output logic [31:0] hwdata_o,  // Write data
  input  logic [31:0] hrdata_i,  // Read data, in the data phase
  input  logic        hready_i,  // The data phase ends; 0 while an address phase waits
  input  logic        hresp_i    // 1 ERROR
);

  localparam logic [1:0] Idle    = 2'd0;
  localparam logic [1:0] Address = 2'd1;
  localparam logic [1:0] Data    = 2'd2;
  localparam logic [1:0] Turn    = 2'd3;  // The next transfer, or the acknowledgement

  logic [1:0]  state_q;
  logic        wanted_q;  // The master has waited since the access began
  logic        error_q;
  logic        write_q;
  logic [31:2] addr_q;
  logic [3:0]  left_q;    // Byte lanes that are to be transferred
  logic [31:0] data_q;    // Write data; in the lanes that were transferred what the bus had

  logic        access;
  logic        over;
  logic        bus_end;
  logic        low;       // The transfer is in the lower half
  logic [1:0]  pair;      // Lanes of its half
  logic        word;
  logic        half;
  logic [3:0]  lanes;     // Lanes of the transfer

  assign access  = wb_cyc_i & wb_stb_i;
  assign over    = left_q == 4'd0;
  assign bus_end = (state_q == Data) & hready_i;

  assign low   = left_q[1:0] != 2'b00;
  assign pair  = low ? left_q[1:0] : left_q[3:2];
  assign word  = left_q == 4'b1111;
  assign half  = pair == 2'b11;
  assign lanes = word ? 4'b1111 : (half ? 4'b0011 : pair[0] ? 4'b0001 : 4'b0010) << {~low, 1'b0};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q  <= Idle;
      wanted_q <= 1'b0;
      error_q  <= 1'b0;
    end else begin
      wanted_q <= access & (wanted_q | (state_q == Idle));
      if (state_q == Idle) error_q <= error_q & ~access;
      else if (bus_end) error_q <= hresp_i;
      case (state_q)
        Idle:    if (access) state_q <= (wb_sel_i == 4'd0) ? Turn : Address;
        Address: if (hready_i) state_q <= Data;
        Data:    if (hready_i) state_q <= Turn;
        default: state_q <= over ? Idle : Address;  // Turn
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == Idle) begin
      write_q <= wb_we_i;
      addr_q  <= wb_adr_i;
      left_q  <= wb_sel_i;
      data_q  <= wb_dat_i;
    end else if (bus_end) begin
      left_q <= hresp_i ? 4'd0 : left_q & ~lanes;
      for (int k = 0; k < 4; k++) begin
        if (hresp_i) data_q[8*k +: 8] <= 8'hFF;
        else if (lanes[k]) data_q[8*k +: 8] <= hrdata_i[8*k +: 8];
      end
    end
  end

  assign wb_ack_o = (state_q == Turn) & over & wanted_q;
  assign wb_dat_o = data_q;
  assign error_o  = error_q;

  assign haddr_o  = {addr_q, ~low, ~word & ~pair[0]};
  assign htrans_o = {state_q == Address, 1'b0};
  assign hsize_o  = word ? 3'd2 : half ? 3'd1 : 3'd0;
  assign hprot_o  = 4'b0011;
  assign hwrite_o = write_q;
  assign hwdata_o = data_q;

endmodule
