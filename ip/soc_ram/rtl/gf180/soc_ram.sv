// SPDX-License-Identifier: Apache-2.0
//
// Single-port memory of 32-bit words with byte enables, made of gf180mcu_fd_ip_sram macros of eight bits: four
// side by side, and banks of 512 words when it is larger. Its ports are those of the flip-flop memory.
//
// CEN, GWEN and WEN are active low. A macro works only after CEN has been 1 and then fallen, so en_i must be 0
// in at least one cycle after power-up; a reset of the user does that.

module soc_ram #(
  parameter int AddrWidth = 6            // Bits of the word address, 6 to 14
) (
  input  logic                 clk_i,    // Clock
  input  logic                 en_i,     // Access in this cycle
  input  logic [3:0]           we_i,     // Bytes to write, lowest first; 0 reads
  input  logic [AddrWidth-1:0] addr_i,   // Word address
  input  logic [31:0]          wdata_i,  // Write data
  output logic [31:0]          rdata_o   // Read data, one cycle after the read
);

  localparam int MacroWidth = (AddrWidth < 9) ? AddrWidth : 9;  // Bits of the word address in a macro
  localparam int BankWidth  = AddrWidth - MacroWidth;
  localparam int NumBanks   = 1 << BankWidth;

  logic                    write;
  logic [MacroWidth-1:0]   addr;
  logic [NumBanks-1:0]     select;       // The bank of this access
  logic [NumBanks-1:0]     shown_q;      // The bank of the last read
  logic [32*NumBanks-1:0]  rdata;
  logic [NumBanks-1:0]     cen;          // Active low: enable of each bank
  logic                    gwen;         // Active low: write
  logic [31:0]             wen;          // Active low: bits to write

  assign write = we_i != 4'd0;
  assign addr  = addr_i[MacroWidth-1:0];
  assign cen   = ~(select & {NumBanks{en_i}});
  assign gwen  = ~write;
  assign wen   = ~{{8{we_i[3]}}, {8{we_i[2]}}, {8{we_i[1]}}, {8{we_i[0]}}};

  if (BankWidth == 0) begin : gen_one
    assign select = 1'b1;
  end else begin : gen_many
    for (genvar b = 0; b < NumBanks; b++) begin : gen_select
      assign select[b] = addr_i[AddrWidth-1:MacroWidth] == b;
    end
  end

  always_ff @(posedge clk_i) begin
    if (en_i & ~write) shown_q <= select;
  end

  for (genvar b = 0; b < NumBanks; b++) begin : gen_bank
    for (genvar l = 0; l < 4; l++) begin : gen_lane
      if (MacroWidth == 9) begin : gen_512
        gf180mcu_fd_ip_sram__sram512x8m8wm1 i_macro (
          .CLK  ( clk_i                  ),
          .CEN  ( cen[b]                 ),
          .GWEN ( gwen                   ),
          .WEN  ( wen[8*l +: 8]          ),
          .A    ( addr                   ),
          .D    ( wdata_i[8*l +: 8]      ),
          .Q    ( rdata[32*b + 8*l +: 8] )
        );
      end else if (MacroWidth == 8) begin : gen_256
        gf180mcu_fd_ip_sram__sram256x8m8wm1 i_macro (
          .CLK  ( clk_i                  ),
          .CEN  ( cen[b]                 ),
          .GWEN ( gwen                   ),
          .WEN  ( wen[8*l +: 8]          ),
          .A    ( addr                   ),
          .D    ( wdata_i[8*l +: 8]      ),
          .Q    ( rdata[32*b + 8*l +: 8] )
        );
      end else if (MacroWidth == 7) begin : gen_128
        gf180mcu_fd_ip_sram__sram128x8m8wm1 i_macro (
          .CLK  ( clk_i                  ),
          .CEN  ( cen[b]                 ),
          .GWEN ( gwen                   ),
          .WEN  ( wen[8*l +: 8]          ),
          .A    ( addr                   ),
          .D    ( wdata_i[8*l +: 8]      ),
          .Q    ( rdata[32*b + 8*l +: 8] )
        );
      end else begin : gen_64
        gf180mcu_fd_ip_sram__sram64x8m8wm1 i_macro (
          .CLK  ( clk_i                  ),
          .CEN  ( cen[b]                 ),
          .GWEN ( gwen                   ),
          .WEN  ( wen[8*l +: 8]          ),
          .A    ( addr                   ),
          .D    ( wdata_i[8*l +: 8]      ),
          .Q    ( rdata[32*b + 8*l +: 8] )
        );
      end
    end
  end

  always_comb begin
    rdata_o = 32'd0;
    for (int b = 0; b < NumBanks; b++) begin
      if (shown_q[b]) rdata_o = rdata_o | rdata[32*b +: 32];
    end
  end

endmodule
