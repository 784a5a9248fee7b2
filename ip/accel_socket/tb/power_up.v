// SPDX-License-Identifier: Apache-2.0
//
// Four-state run of top `accel` from power-up: every register starts unknown. Resets, runs inferences over
// the bus and looks for unknown values on the handshake outputs in every cycle and on the data of every read.
//
// Macros: N_IN, N_OUT, VECTORS, LIMIT (cycles an inference may take), INPUT, OUTPUT, CTRL (byte offsets), and
// GO (value of CTRL that starts with the interrupt on). Files x.hex and y.hex hold one 32-bit word per element.
// With reloadable weights also N_WEIGHTS, PORT (byte offset), and w.hex with the words of their image.

`timescale 1ns / 1ps

module power_up;
  reg         clk = 0, rst_n = 1'bx, sel = 0, write = 0;
  reg  [15:0] addr = 0;
  reg  [1:0]  trans = 0;
  reg  [31:0] wdata = 0;
  wire [31:0] rdata;
  wire        readyout, resp, irq;
  reg  [31:0] x [0:`VECTORS * `N_IN - 1];
  reg  [31:0] y [0:`VECTORS * `N_OUT - 1];
  reg         watch = 0;
`ifdef N_WEIGHTS
  reg  [31:0] w [0:`N_WEIGHTS - 1];
`endif
  integer     unknown = 0, exact = 0, done = 0, cycles, v, i, wrong;
  reg  [31:0] got;

  accel dut (
    .hclk_i(clk), .hreset_ni(rst_n), .hsel_i(sel), .haddr_i(addr), .htrans_i(trans), .hsize_i(3'd2),
    .hwrite_i(write), .hwdata_i(wdata), .hready_i(readyout), .hrdata_o(rdata), .hreadyout_o(readyout),
    .hresp_o(resp), .irq_o(irq)
  );

  always #5 clk = ~clk;

  task tell(input [8*16-1:0] what);
    begin
      unknown = unknown + 1;
      if (unknown <= 10) $display("UNKNOWN %0s at %0t, vector %0d", what, $time, done);
    end
  endtask

  always @(negedge clk) if (watch) begin
    if (readyout === 1'bx || readyout === 1'bz) tell("hreadyout_o");
    if (resp === 1'bx || resp === 1'bz) tell("hresp_o");
    if (irq === 1'bx || irq === 1'bz) tell("irq_o");
  end

  task transfer(input is_write, input [15:0] at, input [31:0] data);
    integer waits;
    begin
      sel = 1; trans = 2; write = is_write; addr = at;
      @(posedge clk); #1;
      sel = 0; trans = 0; write = 0; wdata = data; waits = 0;
      @(negedge clk);
      while (readyout !== 1'b1 && waits < 64) begin
        @(negedge clk);
        waits = waits + 1;
      end
      got = rdata;
      if (waits == 64) tell("no answer");
      @(posedge clk); #1;
    end
  endtask

  initial begin
    $readmemh("x.hex", x);
    $readmemh("y.hex", y);
    repeat (3) @(posedge clk);
    #1 rst_n = 0;
    repeat (4) @(posedge clk);
    #1 rst_n = 1;
    watch = 1;
`ifdef N_WEIGHTS
    $readmemh("w.hex", w);
    for (i = 0; i < `N_WEIGHTS; i = i + 1) transfer(1, `PORT, w[i]);
`endif
    for (v = 0; v < `VECTORS; v = v + 1) begin
      for (i = 0; i < `N_IN; i = i + 1) transfer(1, `INPUT + 4 * i, x[v * `N_IN + i]);
      transfer(1, `CTRL, `GO);
      cycles = 0;
      while (irq !== 1'b1 && cycles < `LIMIT) begin
        @(posedge clk); #1;
        cycles = cycles + 1;
      end
      if (cycles == `LIMIT) $display("NO END of vector %0d", v);
      wrong = 0;
      for (i = 0; i < `N_OUT; i = i + 1) begin
        transfer(0, `OUTPUT + 4 * i, 0);
        if (^got === 1'bx) tell("hrdata_o");
        if (got !== y[v * `N_OUT + i]) wrong = 1;
      end
      done = done + 1;
      exact = exact + !wrong;
    end
    $display("RESULT %0d %0d %0d", done, exact, unknown);
    $finish;
  end
endmodule
