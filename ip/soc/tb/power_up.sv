// SPDX-License-Identifier: Apache-2.0
//
// Four-state board for the SoC in Icarus Verilog: every register starts unknown. Takes the commands `reset`,
// `boot`, `bit` (whole cycles only), `send` (at most 64 bytes a command), `run`, `status`, `flash` (an erased
// one) and `quit` of main.cpp and answers them alike. After the first reset it looks at the pins in every cycle:
// what is unknown is told on stderr, `UNKNOWN pin at cycle`.
//
// GPIO outputs are not looked at where they do not drive.

`timescale 1ns / 1ps

module power_up;
  localparam STDIN = 32'h8000_0000, STDERR = 32'h8000_0002;

  reg         clk = 0, rst_n = 1'bx, rx = 1;
  reg  [1:0]  boot = 0;
  wire        tx, uart_tx, sck, cs_n, mosi;
  wire [15:0] gpio, gpio_oe;

`ifdef HOST  // In a frame that has a processor, which is idle
  wire         ack;
  wire [2:0]   irq;
  wire [127:0] la;
`endif

  soc dut (
`ifdef HOST
    .wbs_stb_i(1'b0), .wbs_cyc_i(1'b0), .wbs_we_i(1'b0), .wbs_sel_i(4'd0), .wbs_dat_i(32'd0), .wbs_adr_i(32'd0),
    .la_data_in(128'd0), .la_oenb({128{1'b1}}), .wbs_ack_o(ack), .la_data_out(la), .user_irq(irq),
`endif
    .clk_i(clk), .rst_ni(rst_n), .debug_rx_i(rx), .debug_tx_o(tx), .uart_rx_i(1'b1), .uart_tx_o(uart_tx),
    .gpio_i(16'd0), .gpio_o(gpio), .gpio_oe_o(gpio_oe), .spi_sck_o(sck), .spi_cs_no(cs_n), .spi_mosi_o(mosi),
    .spi_miso_i(1'b1), .boot_cfg_i(boot)
  );

  reg  [7:0]  outgoing [0:127], incoming [0:65535];
  reg  [9:0]  tx_bits;
  reg  [7:0]  rx_byte;
  reg         rx_busy = 0, watch = 0;
  integer     head = 0, tail = 0, received = 0, bit_time = 8;
  integer     tx_left = 0, tx_wait = 0, rx_wait = 0, rx_bit = 0, cycles = 0, unknown = 0;

  task tell(input [8*10-1:0] pin);
    begin
      unknown = unknown + 1;
      if (unknown <= 10) $fdisplay(STDERR, "UNKNOWN %0s at cycle %0d", pin, cycles);
    end
  endtask

  task look;
    begin
`ifdef HOST
      if (^ack === 1'bx) tell("wbs_ack_o");
      if (^la === 1'bx) tell("la_data");
      if (^irq === 1'bx) tell("user_irq");
`endif
      if (^tx === 1'bx) tell("debug_tx_o");
      if (^uart_tx === 1'bx) tell("uart_tx_o");
      if (^sck === 1'bx) tell("spi_sck_o");
      if (^cs_n === 1'bx) tell("spi_cs_no");
      if (^mosi === 1'bx) tell("spi_mosi_o");
      if (^gpio_oe === 1'bx) tell("gpio_oe_o");
      else if (^(gpio & gpio_oe) === 1'bx) tell("gpio_o");
    end
  endtask

  task transmit;
    if (tx_wait != 0) tx_wait = tx_wait - 1;
    else if (tx_left != 0 || head != tail) begin
      if (tx_left == 0) begin
        tx_bits = {1'b1, outgoing[head % 128], 1'b0};
        head = head + 1;
        tx_left = 10;
      end
      rx = tx_bits[0];
      tx_bits = tx_bits >> 1;
      tx_left = tx_left - 1;
      tx_wait = bit_time - 1;
    end
  endtask

  task receive;
    if (!rx_busy) begin
      rx_busy = tx === 1'b0;
      rx_wait = bit_time / 2;
      rx_bit = 0;
    end else begin
      rx_wait = rx_wait - 1;
      if (rx_wait <= 0) begin
        rx_wait = bit_time;
        if (rx_bit >= 1 && rx_bit <= 8) rx_byte = {tx, rx_byte[7:1]};
        if (rx_bit == 9) begin
          if (tx === 1'b1) begin
            incoming[received] = rx_byte;
            received = received + 1;
          end
          rx_busy = 0;
        end
        rx_bit = rx_bit + 1;
      end
    end
  endtask

  task run(input integer n, input integer count);
    while (n > 0 && received < count) begin
      transmit;
      #5 clk = 1;
      #1 receive;
      #4 clk = 0;
      #1 if (watch) look;
      cycles = cycles + 1;
      n = n - 1;
    end
  endtask

  reg [8*8-1:0]   command;
  reg [8*160-1:0] text;
  integer         got, number, count, k;

  function [3:0] digit(input [7:0] c);
    digit = c >= "a" ? c - "a" + 10 : c - "0";
  endfunction

  initial begin
    got = $fscanf(STDIN, " %s", command);
    while (got == 1 && command != "quit") begin
      if (command == "run") begin
        got = $fscanf(STDIN, " %d %d", number, count);
        run(number, count);
        $write("{\"received\": \"");
        for (k = 0; k < received; k = k + 1) $write("%02x", incoming[k]);
        $display("\", \"cycles\": %0d}", cycles);
        received = 0;
      end else if (command == "status") begin
        $display("{\"cycles\": %0d, \"seconds\": 0.0, \"gpio\": 0}", cycles);
      end else begin
        if (command == "reset") begin
          got = $fscanf(STDIN, " %d", number);
          rst_n = 0;
          {head, tail, tx_left, tx_wait, rx_busy} = 0;
          rx = 1;
          run(number, 65536);
          received = 0;
          rst_n = 1;
          watch = 1;
        end else if (command == "boot") begin
          got = $fscanf(STDIN, " %d", number);
          boot = number;
        end else if (command == "bit") begin
          got = $fscanf(STDIN, " %d", number);
          bit_time = number / 8;
        end else if (command == "send") begin
          text = 0;
          got = $fscanf(STDIN, " %s", text);
          for (k = 159; k > 0; k = k - 2) if (text[8*k +: 8] != 0) begin
            outgoing[tail % 128] = {digit(text[8*k +: 8]), digit(text[8*(k-1) +: 8])};
            tail = tail + 1;
          end
        end
        $display("{}");
      end
      $fflush;
      got = $fscanf(STDIN, " %s", command);
    end
    $finish(0);
  end
endmodule
