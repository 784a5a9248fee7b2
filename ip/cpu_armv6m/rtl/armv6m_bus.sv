// SPDX-License-Identifier: Apache-2.0
//
// AHB-Lite master: address phases of fetches and data accesses, and what is known in their data phases.
//
// Two kinds of access never reach the bus and end after one cycle: data accesses to the private
// peripheral bus (0xE000_0000 to 0xE00F_FFFF), and fetches from regions that are not executable
// (0x4, 0x5, 0xA to 0xF in the top digit), which are errors. In the second cycle of an ERROR response
// the address phase is withdrawn (IDLE).

module armv6m_bus (
  input  logic        clk_i,       // Clock
  input  logic        rst_ni,      // Reset, active low, asynchronous assertion

  // Wanted address phase
  input  logic        fetch_i,     // A word of instructions
  input  logic [31:2] pc_i,        // Its address
  input  logic        data_i,      // Data; not together with fetch_i
  input  logic        write_i,     // A store
  input  logic [1:0]  size_i,      // 0 byte, 1 halfword, 2 word
  input  logic        signed_i,    // Sign extension
  input  logic [31:0] addr_i,      // Address of the data

  // Data phase
  output logic        error_o,     // The data phase ends with ERROR (its second cycle)
  output logic        blocked_o,   // A fetch ends with ERROR: no address phase is accepted in this cycle
  output logic        fetch_o,     // A fetch is in its data phase
  output logic        data_o,      // A data access is in its data phase
  output logic        internal_o,  // It does not use the bus
  output logic        write_o,     // It is a store
  output logic [1:0]  size_o,      // Its size
  output logic        signed_o,    // Its sign extension

  // AHB-Lite master
  output logic [31:0] haddr_o,     // Address
  output logic [1:0]  htrans_o,    // IDLE or NONSEQ
  output logic [2:0]  hsize_o,     // Size
  output logic        hwrite_o,    // 1 write, 0 read
  output logic [3:0]  hprot_o,     // Privileged; bit 0: data
  input  logic        hready_i,    // The data phase ends
  input  logic        hresp_i      // ERROR
);

  logic second_q;   // Second cycle of an ERROR response
  logic internal;
  logic no_execute;

  assign no_execute = (pc_i[31:30] == 2'b11) | (pc_i[31:29] == 3'b010) | (pc_i[31:29] == 3'b101);
  assign internal   = fetch_i ? no_execute : (addr_i[31:20] == 12'hE00);

  assign haddr_o  = fetch_i ? {pc_i, 2'b00} : addr_i;
  assign htrans_o = {(fetch_i | data_i) & ~internal & ~second_q, 1'b0};
  assign hsize_o  = {1'b0, fetch_i ? 2'd2 : size_i};
  assign hwrite_o = write_i & ~fetch_i;
  assign hprot_o  = {3'b001, ~fetch_i};

  assign error_o   = second_q;
  assign blocked_o = second_q & fetch_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      second_q   <= 1'b0;
      fetch_o    <= 1'b0;
      data_o     <= 1'b0;
      internal_o <= 1'b0;
    end else begin
      second_q <= hresp_i & ~hready_i;
      if (hready_i) begin
        fetch_o    <= fetch_i & ~second_q;
        data_o     <= data_i & ~second_q;
        internal_o <= internal & ~second_q;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (hready_i & data_i) begin
      write_o  <= write_i;
      size_o   <= size_i;
      signed_o <= signed_i;
    end
  end

`ifdef FORMAL
  logic [41:0] phase, phase_q;
  logic        waiting_q;  // An address phase was not accepted

  assign phase = {htrans_o, hsize_o, hwrite_o, hprot_o, haddr_o};
  always_ff @(posedge clk_i) begin
    phase_q   <= phase;
    waiting_q <= rst_ni && htrans_o[1] && !hready_i && !hresp_i;
  end

  always_comb begin
    // The subordinate: ERROR takes two cycles, and only a transfer gets it.
    assume (!second_q || (hready_i && hresp_i));
    assume (!hresp_i || ((fetch_o || data_o) && !internal_o));
    assume (!(hresp_i && hready_i) || second_q);

    // The master: an address phase stays until it is accepted, or is withdrawn because of an ERROR.
    assert (!(fetch_i && data_i));
    assert (!(fetch_o && data_o));
    assert (!htrans_o[0]);
    assert (!htrans_o[1] || !second_q);
    assert (!htrans_o[1] || hsize_o <= 3'd2);
    assert (!htrans_o[1] || hsize_o != 3'd2 || haddr_o[1:0] == 2'd0);
    assert (!htrans_o[1] || hsize_o != 3'd1 || !haddr_o[0]);
    assert (!htrans_o[1] || !hwrite_o || hprot_o[0]);
    assert (!waiting_q || phase == phase_q);
  end
`endif

endmodule
