// SPDX-License-Identifier: Apache-2.0
//
// AHB-Lite slave that operates APB peripherals in slots of 4 KB.
//
// Only aligned 32-bit accesses reach a peripheral. Every other access, an empty slot and PSLVERR get the
// two-cycle ERROR response. An access of a peripheral without wait states takes one wait state.

module ahb_apb_bridge #(
  parameter int                      NumSlaves = 4,              // Peripherals, 1 to 32
  parameter logic [8*NumSlaves-1:0]  Slot      = 32'h1F_10_01_00, // Slot of each peripheral, 0 to 31
  parameter logic [NumSlaves-1:0]    Quiet     = '0              // Peripherals whose read data are 0 while not selected
) (
  input  logic                    clk_i,       // Clock
  input  logic                    rst_ni,      // Reset, active low: asynchronous assertion, synchronous release

  // AHB-Lite slave
  input  logic                    hsel_i,      // Slave select
  input  logic [16:0]             haddr_i,     // Byte address inside the 128 KB window
  input  logic [1:0]              htrans_i,    // Transfer type: bit 1 set for NONSEQ and SEQ
  input  logic [2:0]              hsize_i,     // Transfer size; only 3'b010 (32 bits) is accepted
  input  logic                    hwrite_i,    // 1 write, 0 read
  input  logic [31:0]             hwdata_i,    // Write data, in the data phase
  input  logic                    hready_i,    // The bus' HREADY: the previous data phase ends
  output logic [31:0]             hrdata_o,    // Read data, in the data phase; 0 without an access
  output logic                    hreadyout_o, // The data phase ends
  output logic                    hresp_o,     // 1 in both cycles of an ERROR response

  // APB master
  output logic [NumSlaves-1:0]    psel_o,      // Selects
  output logic                    penable_o,   // Access cycle
  output logic                    pwrite_o,    // 1 write, 0 read
  output logic [11:0]             paddr_o,     // Byte address inside the slot
  output logic [31:0]             pwdata_o,    // Write data
  input  logic [32*NumSlaves-1:0] prdata_i,    // Read data of each peripheral
  input  logic [NumSlaves-1:0]    pready_i,    // The access of each peripheral ends
  input  logic [NumSlaves-1:0]    pslverr_i    // The access of each peripheral failed
);

  localparam logic [2:0] SizeWord = 3'b010;

  localparam logic [2:0] Idle   = 3'd0;
  localparam logic [2:0] Setup  = 3'd1;
  localparam logic [2:0] Access = 3'd2;  // Ends the data phase, unless it failed
  localparam logic [2:0] Error1 = 3'd3;
  localparam logic [2:0] Error2 = 3'd4;

  logic [2:0]           state_q;
  logic                 write_q;
  logic [11:2]          addr_q;
  logic [NumSlaves-1:0] select_q;

  logic [NumSlaves-1:0] select;
  logic                 accept;
  logic                 legal;
  logic                 ready;
  logic                 failed;
  logic                 done;
  logic                 unused_htrans;

  assign unused_htrans = htrans_i[0];  // SEQ is treated like NONSEQ, BUSY like IDLE

  for (genvar s = 0; s < NumSlaves; s++) begin : gen_select
    assign select[s] = {3'b000, haddr_i[16:12]} == Slot[8*s +: 8];
  end

  assign accept = hready_i & hsel_i & htrans_i[1];
  assign legal  = (hsize_i == SizeWord) & (haddr_i[1:0] == 2'b00) & (select != '0);
  assign ready  = (select_q & pready_i) != '0;
  assign failed = (select_q & pslverr_i) != '0;
  assign done   = (state_q == Access) & ready & ~failed;

  always_comb begin
    hrdata_o = 32'd0;
    for (int s = 0; s < NumSlaves; s++) begin
      if (psel_o[s] | Quiet[s]) hrdata_o = hrdata_o | prdata_i[32*s +: 32];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Idle;
    end else begin
      if (hreadyout_o) begin
        if (accept) state_q <= legal ? Setup : Error1;
        else        state_q <= hready_i ? Idle : state_q;
      end else begin
        case (state_q)
          Setup:   state_q <= Access;
          Access:  state_q <= (ready & failed) ? Error1 : Access;
          default: state_q <= Error2;  // Error1
        endcase
      end
    end
  end

  // Taken over from every transfer, whoever is selected: the enable does not wait for the address decoder.
  always_ff @(posedge clk_i) begin
    if (hready_i & htrans_i[1]) begin
      write_q  <= hwrite_i;
      addr_q   <= haddr_i[11:2];
      select_q <= select;
    end
  end

  assign hreadyout_o = (state_q == Idle) | done | (state_q == Error2);
  assign hresp_o     = (state_q == Error1) | (state_q == Error2);

  assign penable_o = state_q == Access;
  assign psel_o    = select_q & {NumSlaves{(state_q == Setup) | (state_q == Access)}};
  assign pwrite_o  = write_q;
  assign paddr_o   = {addr_q, 2'b00};
  assign pwdata_o  = hwdata_i;

endmodule
