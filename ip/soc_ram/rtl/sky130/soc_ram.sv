// SPDX-License-Identifier: Apache-2.0
//
// Single-port memory of 32-bit words with byte enables, made of OpenRAM macros of SKY130: one of 256 or 512
// words, and banks of 512 words when it is larger. Its ports are those of the flip-flop memory.
//
// csb0 and web0 are active low, wmask0 is active high. dout0 is unknown from every rising edge of the clock,
// read or not, and valid some time after the falling edge that follows a read. So it is used in that one cycle,
// and a register keeps it for the cycles after. The second port is not used.

module soc_ram #(
  parameter int AddrWidth = 8            // Bits of the word address, 8 to 14
) (
  input  logic                 clk_i,    // Clock
  input  logic                 en_i,     // Access in this cycle
  input  logic [3:0]           we_i,     // Bytes to write, lowest first; 0 reads
  input  logic [AddrWidth-1:0] addr_i,   // Word address
  input  logic [31:0]          wdata_i,  // Write data
  output logic [31:0]          rdata_o   // Read data, one cycle after the read
);

  localparam int MacroWidth = (AddrWidth < 9) ? 8 : 9;  // Bits of the word address in a macro
  localparam int BankWidth  = AddrWidth - MacroWidth;
  localparam int NumBanks   = 1 << BankWidth;

  logic                   write;
  logic [MacroWidth-1:0]  addr;
  logic [NumBanks-1:0]    select;        // The bank of this access
  logic [NumBanks-1:0]    fresh_q;       // The bank with the data of a read in the last cycle, or none
  logic [NumBanks-1:0]    csb;           // Active low: select of each bank
  logic                   web;           // Active low: write
  logic [32*NumBanks-1:0] dout;
  logic [31:0]            fresh;
  logic [31:0]            kept_q;

  assign write = we_i != 4'd0;
  assign addr  = addr_i[MacroWidth-1:0];
  assign csb   = ~(select & {NumBanks{en_i}});
  assign web   = ~write;

  if (BankWidth == 0) begin : gen_one
    assign select = 1'b1;
  end else begin : gen_many
    for (genvar b = 0; b < NumBanks; b++) begin : gen_select
      assign select[b] = addr_i[AddrWidth-1:MacroWidth] == b;
    end
  end

  for (genvar b = 0; b < NumBanks; b++) begin : gen_bank
    logic [31:0] unused_dout1;
    if (MacroWidth == 9) begin : gen_512
      sky130_sram_2kbyte_1rw1r_32x512_8 i_macro (
        .clk0   ( clk_i            ),
        .csb0   ( csb[b]           ),
        .web0   ( web              ),
        .wmask0 ( we_i             ),
        .addr0  ( addr             ),
        .din0   ( wdata_i          ),
        .dout0  ( dout[32*b +: 32] ),
        .clk1   ( clk_i            ),
        .csb1   ( 1'b1             ),
        .addr1  ( 9'd0             ),
        .dout1  ( unused_dout1     )
      );
    end else begin : gen_256
      sky130_sram_1kbyte_1rw1r_32x256_8 i_macro (
        .clk0   ( clk_i            ),
        .csb0   ( csb[b]           ),
        .web0   ( web              ),
        .wmask0 ( we_i             ),
        .addr0  ( addr             ),
        .din0   ( wdata_i          ),
        .dout0  ( dout[32*b +: 32] ),
        .clk1   ( clk_i            ),
        .csb1   ( 1'b1             ),
        .addr1  ( 8'd0             ),
        .dout1  ( unused_dout1     )
      );
    end
  end

  always_comb begin
    fresh = 32'd0;
    for (int b = 0; b < NumBanks; b++) begin
      if (fresh_q[b]) fresh = fresh | dout[32*b +: 32];
    end
  end

  always_ff @(posedge clk_i) begin
    fresh_q <= select & {NumBanks{en_i & ~write}};
    kept_q  <= rdata_o;
  end

  assign rdata_o = (fresh_q != '0) ? fresh : kept_q;

endmodule
