// SPDX-License-Identifier: Apache-2.0
//
// AHB-Lite side of a slave that answers in the data phase without wait states, for example of a register block.
//
// The user says in the data phase whether the access is legal. Every other access gets the two-cycle ERROR
// response and has no effect.

module ahb_slave #(
  parameter int AddrWidth = 12,   // Bits of the byte address inside the window, 3 to 32
  parameter bit WordOnly  = 1'b1  // Refuse everything but aligned 32-bit accesses
) (
  input  logic                 clk_i,       // Clock; all inputs and outputs are synchronous to it
  input  logic                 rst_ni,      // Reset, active low: asynchronous assertion, synchronous release

  // AHB-Lite slave
  input  logic                 hsel_i,      // Slave select
  input  logic [AddrWidth-1:0] haddr_i,     // Byte address inside the window
  input  logic [1:0]           htrans_i,    // Transfer type: bit 1 set for NONSEQ and SEQ
  input  logic [2:0]           hsize_i,     // Transfer size
  input  logic                 hwrite_i,    // 1 write, 0 read
  input  logic                 hready_i,    // The bus' HREADY: the previous data phase ends
  output logic                 hreadyout_o, // 0 in the first cycle of an ERROR response, else 1
  output logic                 hresp_o,     // 1 in both cycles of an ERROR response

  // User
  output logic [AddrWidth-3:0] addr_o,      // Word address in the data phase
  output logic                 write_o,     // Direction in the data phase
  input  logic                 legal_i,     // The access is allowed, from addr_o and write_o
  output logic                 commit_o,    // HWDATA is written at the end of this cycle
  output logic                 active_o     // A transfer to this slave is in its data phase
);

  localparam logic [2:0] SizeWord = 3'b010;

  logic accept;
  logic data_phase_q;  // A transfer to this slave is in its data phase
  logic second_q;      // Second cycle of an ERROR response
  logic malformed_q;
  logic refuse;
  logic done;
  logic unused_htrans;

  assign unused_htrans = htrans_i[0];  // SEQ is treated like NONSEQ, BUSY like IDLE

  assign accept = hsel_i & htrans_i[1];
  assign refuse = data_phase_q & ~second_q & (malformed_q | ~legal_i);
  assign done   = data_phase_q & ~second_q & hready_i;  // a refused transfer keeps HREADY low

  assign commit_o    = done & write_o;
  assign active_o    = data_phase_q;
  assign hreadyout_o = ~refuse;
  assign hresp_o     = refuse | second_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      data_phase_q <= 1'b0;
      second_q     <= 1'b0;
    end else begin
      data_phase_q <= hready_i ? accept : data_phase_q;
      second_q     <= refuse | (second_q & ~hready_i);
    end
  end

  // Taken over from every transfer, whoever is selected: slaves behind one port have the same registers, which
  // synthesis merges, and their enable does not wait for the address decoder.
  always_ff @(posedge clk_i) begin
    if (hready_i & htrans_i[1]) begin
      malformed_q <= WordOnly & ((hsize_i != SizeWord) | (haddr_i[1:0] != 2'b00));
      write_o     <= hwrite_i;
      addr_o      <= haddr_i[AddrWidth-1:2];
    end
  end

endmodule
