// SPDX-License-Identifier: Apache-2.0
//
// Behaviour of the OpenRAM macros of SKY130 for simulation, written from the pins and arcs of their Liberty files:
// csb and web are active low, wmask is active high; inputs are taken at the rising edge of the clock; a read shows
// after the falling edge. dout is unknown from every rising edge on. No timing. With +activity=FOLDER every output has
// a file there with its value at the end of every cycle, a line each.

module sky130_sram_model #(
  parameter int AddrWidth = 9             // Bits of the address
) (
  input  logic                 clk0,      // Clock of port 0
  input  logic                 csb0,      // Select, active low
  input  logic                 web0,      // 1 reads, 0 writes
  input  logic [3:0]           wmask0,    // Bytes to write
  input  logic [AddrWidth-1:0] addr0,     // Address
  input  logic [31:0]          din0,      // Write data
  output logic [31:0]          dout0,     // Read data
  input  logic                 clk1,      // Clock of port 1, which only reads
  input  logic                 csb1,      // Select, active low
  input  logic [AddrWidth-1:0] addr1,     // Address
  output logic [31:0]          dout1      // Read data
);

  logic [31:0]          words [0:(1<<AddrWidth)-1];
  logic                 read0_q, read1_q;
  logic [AddrWidth-1:0] addr0_q, addr1_q;
  string                folder;
  int                   record0 = 0, record1 = 0;

  initial if ($value$plusargs("activity=%s", folder)) begin
    record0 = $fopen($sformatf("%s/%m.dout0", folder), "w");
    record1 = $fopen($sformatf("%s/%m.dout1", folder), "w");
  end
  always @(posedge clk0) if (record0 != 0) $fdisplay(record0, "%h", dout0);
  always @(posedge clk1) if (record1 != 0) $fdisplay(record1, "%h", dout1);

  always @(posedge clk0) begin
    read0_q <= ~csb0 & web0;
    addr0_q <= addr0;
    if (~csb0 & ~web0) begin
      if (wmask0[0]) words[addr0][7:0]   <= din0[7:0];
      if (wmask0[1]) words[addr0][15:8]  <= din0[15:8];
      if (wmask0[2]) words[addr0][23:16] <= din0[23:16];
      if (wmask0[3]) words[addr0][31:24] <= din0[31:24];
    end
  end

  always @(posedge clk1) begin
    read1_q <= ~csb1;
    addr1_q <= addr1;
  end

  always @(clk0) begin
    if (clk0) dout0 <= 32'hxxxx_xxxx;
    else if (read0_q) dout0 <= words[addr0_q];
  end

  always @(clk1) begin
    if (clk1) dout1 <= 32'hxxxx_xxxx;
    else if (read1_q) dout1 <= words[addr1_q];
  end

endmodule

module sky130_sram_1kbyte_1rw1r_32x256_8 (
  input logic clk0, csb0, web0, input logic [3:0] wmask0, input logic [7:0] addr0, input logic [31:0] din0,
  output logic [31:0] dout0, input logic clk1, csb1, input logic [7:0] addr1, output logic [31:0] dout1
);
  sky130_sram_model #(.AddrWidth(8)) i_model (.*);
endmodule

module sky130_sram_2kbyte_1rw1r_32x512_8 (
  input logic clk0, csb0, web0, input logic [3:0] wmask0, input logic [8:0] addr0, input logic [31:0] din0,
  output logic [31:0] dout0, input logic clk1, csb1, input logic [8:0] addr1, output logic [31:0] dout1
);
  sky130_sram_model #(.AddrWidth(9)) i_model (.*);
endmodule
