// SPDX-License-Identifier: Apache-2.0
//
// What a bus may do to accel_engine at the wrong moment. Prints "PASS", or the first surprise.
//
// Needs the macros N_IN, N_OUT, IN_BITS, OUT_BITS, IN_ADDR, OUT_ADDR, CYCLES, and the files input.hex (two
// inputs) and expected.hex (their outputs) in the working directory.

module protocol;

  logic                 clk = 0;
  logic                 rst_n = 1;
  logic                 we = 0;
  logic                 start = 0;
  logic [`IN_ADDR-1:0]  in_addr = 0;
  logic [`IN_BITS-1:0]  in_data = 0;
  logic [`OUT_ADDR-1:0] out_addr = 0;
  wire  [`OUT_BITS-1:0] out_data;
  wire                  busy;
  wire                  done;

  logic [`IN_BITS-1:0]  inputs   [0:2*`N_IN-1];
  logic [`OUT_BITS-1:0] expected [0:2*`N_OUT-1];
  integer               i;
  integer               pulses = 0;

  accel_engine i_dut (
    .clk_i      ( clk      ),
    .rst_ni     ( rst_n    ),
    .in_we_i    ( we       ),
    .in_addr_i  ( in_addr  ),
    .in_data_i  ( in_data  ),
    .start_i    ( start    ),
    .busy_o     ( busy     ),
    .done_o     ( done     ),
    .out_addr_i ( out_addr ),
    .out_data_o ( out_data )
  );

  always #5 clk = ~clk;
  always @(posedge clk) if (done === 1'b1) pulses = pulses + 1;

  task automatic tick; begin @(posedge clk); #1; end endtask

  task automatic fail(input [8*40-1:0] what); begin $display("FAIL %0s at %0t", what, $time); $finish; end endtask

  task automatic load(input integer sample);
    begin
      we = 1;
      for (i = 0; i < `N_IN; i = i + 1) begin
        in_addr = i;
        in_data = inputs[sample * `N_IN + i];
        tick;
      end
      we = 0;
    end
  endtask

  task automatic go; begin start = 1; tick; start = 0; end endtask

  task automatic check(input integer sample);
    begin
      for (i = 0; i < `N_OUT; i = i + 1) begin
        out_addr = i;
        #1;
        if (out_data !== expected[sample * `N_OUT + i]) fail("wrong output");
      end
    end
  endtask

  initial begin
    $readmemh("input.hex", inputs);
    $readmemh("expected.hex", expected);
    rst_n = 0; tick; tick; rst_n = 1; tick;
    if (busy !== 1'b0 || done !== 1'b0) fail("not idle after reset");

    // Writes and starts while busy have no effect
    load(0);
    go;
    if (busy !== 1'b1) fail("not busy after start");
    repeat (`CYCLES / 2) tick;
    load(1);
    start = 1; tick; start = 0;
    while (busy) tick;
    if (done !== 1'b1) fail("no done_o with the end of busy_o");
    tick;
    if (done !== 1'b0 || pulses != 1) fail("done_o is no single pulse");
    check(0);

    // Outputs stay readable while the next inputs are written
    load(1);
    check(0);

    // Reset in the middle of an inference; the inputs are still there
    go;
    repeat (`CYCLES / 3) tick;
    rst_n = 0; #1;
    if (busy !== 1'b0) fail("reset does not end an inference");
    tick; rst_n = 1; tick;
    load(1);
    go;
    while (!done) tick;
    check(1);

    // The same inputs again, started in the cycle of done_o
    load(0);
    go;
    while (!done) tick;
    go;
    if (busy !== 1'b1) fail("no start in the cycle of done_o");
    while (!done) tick;
    tick;
    if (pulses != 4) fail("lost or extra done_o");
    $display("PASS");
    $finish;
  end

  initial begin
    #(`CYCLES * 200 + 1000000) $display("FAIL timeout");
    $finish;
  end

endmodule
