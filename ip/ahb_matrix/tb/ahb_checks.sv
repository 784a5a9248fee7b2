// SPDX-License-Identifier: Apache-2.0
//
// Checks the rules of AHB-Lite on one port in simulation; bound to every port of a bus. A breach is one line on
// stderr: "ahb_checks: port: rule". On this bus there are only single transfers, and none is locked.

module ahb_checks #(
  parameter     Name  = "port",     // Name in the messages
  parameter int Limit = 4096,       // Most clock cycles of a data phase
  parameter bit Steady = 1'b0,      // The address must stay until the data phase ends
  parameter bit Waits = 1'b0        // HREADY may be low without a data phase, while an address phase waits
) (
  input logic        clk_i,         // Clock
  input logic        rst_ni,        // Reset, active low
  input logic        hsel_i,        // Select; 1 at an initiator's port
  input logic [31:0] haddr_i,       // Address
  input logic [1:0]  htrans_i,      // Transfer type
  input logic [2:0]  hsize_i,       // Size
  input logic [3:0]  hprot_i,       // Protection
  input logic        hwrite_i,      // Direction
  input logic [31:0] hwdata_i,      // Write data
  input logic        hready_i,      // HREADY of this port
  input logic        hreadyout_i,   // HREADYOUT of a target; HREADY at an initiator's port
  input logic        hresp_i        // HRESP of the port's data phase
);

  logic        data_q;      // A data phase
  logic        write_q;     // of a write
  int          cycles_q;    // its cycles
  logic        held_q;      // The address phase may not change
  logic [42:0] address_q;
  logic [31:0] wdata_q;
  logic [40:0] kept_q;      // Address of the data phase
  logic        stalled_q;   // The data phase goes on in this cycle
  logic        error_q;     // First cycle of an ERROR response
  int          told = 0;
  logic        on = 1'b0;   // There has been a reset

  logic        active;
  logic [42:0] address;

  assign active  = hsel_i & htrans_i[1];
  assign address = {htrans_i, hsize_i, hprot_i, hwrite_i, 1'b0, haddr_i};

  task automatic breach(input string rule);
    if (told < 20) $fdisplay(32'h8000_0002, "ahb_checks: %s: %s", Name, rule);
    told = told + 1;
  endtask

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      data_q    <= 1'b0;
      held_q    <= 1'b0;
      stalled_q <= 1'b0;
      error_q   <= 1'b0;
      cycles_q  <= 0;
    end else begin
      held_q    <= active & ~hready_i & ~(hresp_i & ~hreadyout_i);
      address_q <= address;
      wdata_q   <= hwdata_i;
      stalled_q <= data_q & ~hreadyout_i;
      error_q   <= data_q & hresp_i & ~hreadyout_i;
      if (hready_i) begin
        data_q   <= active;
        write_q  <= hwrite_i;
        kept_q   <= address[40:0];
        cycles_q <= 0;
      end else begin
        cycles_q <= cycles_q + 1;
      end
    end
  end

  // The signals are looked at just before the edge, when they have settled.
  always @(posedge clk_i) begin
    if (!rst_ni) begin
      on <= 1'b1;
    end else if (on) begin
      if (htrans_i[0]) breach("HTRANS is BUSY or SEQ");
      if (active & (hsize_i > 3'd2)) breach("HSIZE is more than a word");
      if (active & (((hsize_i == 3'd1) & haddr_i[0]) | ((hsize_i == 3'd2) & (haddr_i[1:0] != 2'd0)))) begin
        breach("HADDR is not aligned");
      end
      if (held_q & (address != address_q)) breach("the address phase changed while HREADY was low");
      if (Steady & data_q & ~hreadyout_i & (address[40:0] != kept_q)) breach("the address changed in the data phase");
      if (stalled_q & write_q & (hwdata_i != wdata_q)) breach("HWDATA changed in a data phase");
      if (~data_q & ~hreadyout_i & ~(Waits & active)) breach("HREADYOUT is low without a data phase");
      if (~data_q & hresp_i) breach("HRESP is ERROR without a data phase");
      if (data_q & hresp_i & hreadyout_i & ~error_q) breach("ERROR took one cycle");
      if (error_q & ~(hresp_i & hreadyout_i)) breach("ERROR did not end in its second cycle");
      if (data_q & (cycles_q > Limit)) breach("a data phase is too long");
    end
  end

endmodule
