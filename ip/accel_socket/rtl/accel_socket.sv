// SPDX-License-Identifier: Apache-2.0
//
// AHB-Lite slave that operates one inference engine.
//
// The socket holds the registers of accel_socket.rdl and passes the elements of the two buffers
// straight to and from the engine; it keeps no copy of them. A legal access takes no wait state. Every
// other access gets the two-cycle ERROR response, has no effect on the engine and is remembered in
// STATUS.access_error. The socket never waits for the engine, so no access can hang the bus.
//
// A write takes effect at the clock edge that ends its data phase (HREADY high).

module accel_socket #(
  parameter int InWidth      = 8,     // Bits of an input element, 1 to 32
  parameter int InAddrWidth  = 1,     // Bits of an input element's index
  parameter int OutWidth     = 8,     // Bits of an output element, 1 to 32
  parameter int OutAddrWidth = 1,     // Bits of an output element's index
  parameter bit OutSigned    = 1'b1,  // Output elements are two's complement
  parameter int CyclesWidth  = 32     // Bits of the cycle counter, 1 to 32
) (
  input  logic                    clk_i,       // Clock; all inputs and outputs are synchronous to it
  input  logic                    rst_ni,      // Reset, active low: asynchronous assertion, synchronous release

  // AHB-Lite slave
  input  logic                    hsel_i,      // Slave select, decoded from the address
  input  logic [15:0]             haddr_i,     // Byte address inside the 64 KB window
  input  logic [1:0]              htrans_i,    // Transfer type: bit 1 set for NONSEQ and SEQ
  input  logic [2:0]              hsize_i,     // Transfer size; only 3'b010 (32 bits) is accepted
  input  logic                    hwrite_i,    // 1 write, 0 read
  input  logic [31:0]             hwdata_i,    // Write data, in the data phase
  input  logic                    hready_i,    // The bus' HREADY: the previous data phase ends
  output logic [31:0]             hrdata_o,    // Read data, in the data phase
  output logic                    hreadyout_o, // 0 in the first cycle of an ERROR response, else 1
  output logic                    hresp_o,     // 1 in both cycles of an ERROR response
  output logic                    irq_o,       // Level interrupt: STATUS.done while CTRL.irq_enable
  output logic                    req_in_o,    // DMA request: the input buffer may be written
  output logic                    req_out_o,   // DMA request: the output buffer holds a result

  // Engine
  output logic                    in_we_o,     // Write in_data_o to input element in_addr_o
  output logic [InAddrWidth-1:0]  in_addr_o,   // Input element's index
  output logic [InWidth-1:0]      in_data_o,   // Input element
  output logic                    start_o,     // One-cycle pulse: start an inference
  input  logic                    busy_i,      // An inference runs
  input  logic                    done_i,      // One-cycle pulse: the result becomes readable
  output logic [OutAddrWidth-1:0] out_addr_o,  // Output element's index
  input  logic [OutWidth-1:0]     out_data_i   // Output element, combinational from out_addr_o
);

  localparam logic [2:0] SizeWord = 3'b010;

  //////////////////////////////
  // Address and data phases  //
  //////////////////////////////

  logic        accept;
  logic        data_phase_q;  // A transfer to this slave is in its data phase
  logic        second_q;      // Second cycle of an ERROR response
  logic        malformed_q;   // Not an aligned 32-bit transfer
  logic        write_q;
  logic [13:0] addr_q;        // Word address

  logic legal;
  logic blocked;
  logic refuse;
  logic commit;

  logic unused_htrans;

  assign accept = hready_i & hsel_i & htrans_i[1];
  assign unused_htrans = htrans_i[0];  // SEQ is treated like NONSEQ, BUSY like IDLE

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      data_phase_q <= 1'b0;
      second_q     <= 1'b0;
    end else begin
      data_phase_q <= hready_i ? accept : data_phase_q;
      second_q     <= refuse | (second_q & ~hready_i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (accept) begin
      malformed_q <= (hsize_i != SizeWord) | (haddr_i[1:0] != 2'b00);
      write_q     <= hwrite_i;
      addr_q      <= haddr_i[15:2];
    end
  end

  // Judged in the data phase: a start in the previous data phase already counts.
  assign refuse = data_phase_q & ~second_q & (malformed_q | ~legal | blocked);
  assign commit = data_phase_q & ~second_q & ~refuse & write_q & hready_i;

  assign hreadyout_o = ~refuse;
  assign hresp_o     = refuse | second_q;

  ///////////////
  // Registers //
  ///////////////

  logic        sel_in;
  logic        sel_out;
  logic        busy;
  logic        start_request;
  logic        start;
  logic        finish;
  logic        done;
  logic        result_q;      // The engine holds a result
  logic        irq_enable;
  logic [31:0] cycles_word;
  logic [31:0] out_word;

  accel_socket_regs i_regs (
    .clk_i                    ( clk_i                ),
    .rst_ni                   ( rst_ni               ),
    .addr_i                   ( addr_q               ),
    .write_i                  ( write_q              ),
    .commit_i                 ( commit               ),
    .wdata_i                  ( hwdata_i             ),
    .rdata_o                  ( hrdata_o             ),
    .legal_o                  ( legal                ),
    .ctrl_start_o             ( start_request        ),
    .ctrl_irq_enable_o        ( irq_enable           ),
    .status_busy_i            ( busy                 ),
    .status_done_o            ( done                 ),
    .status_done_set_i        ( finish               ),
    .status_done_clr_i        ( start                ),
    .status_start_error_set_i ( start_request & busy ),
    .status_access_error_set_i( refuse               ),
    .cycles_count_i           ( cycles_word          ),
    .output_buffer_sel_o      ( sel_out              ),
    .output_buffer_rdata_i    ( out_word             ),
    .input_buffer_sel_o       ( sel_in               )
  );

  assign irq_o     = done & irq_enable;
  assign req_in_o  = ~busy;
  assign req_out_o = ~busy & result_q;

  ////////////////
  // Inferences //
  ////////////////

  logic                   running_q;  // From a start to its done
  logic [CyclesWidth-1:0] cycles_q;

  assign busy   = running_q | busy_i;
  assign start  = start_request & ~busy;
  assign finish = running_q & done_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      running_q <= 1'b0;
      result_q  <= 1'b0;
      cycles_q  <= '0;
    end else begin
      running_q <= start | (running_q & ~done_i);
      result_q  <= finish | (result_q & ~start);
      if (start) begin
        cycles_q <= '0;
      end else if (running_q && !(&cycles_q)) begin
        cycles_q <= cycles_q + 1'b1;
      end
    end
  end

  assign start_o = start;
  assign blocked = ((sel_in | sel_out) & busy) | (sel_out & ~result_q);

  //////////////
  // Elements //
  //////////////

  assign in_we_o    = commit & sel_in;
  assign in_addr_o  = addr_q[InAddrWidth-1:0];
  assign in_data_o  = hwdata_i[InWidth-1:0];
  assign out_addr_o = addr_q[OutAddrWidth-1:0];

  logic out_sign;
  assign out_sign = OutSigned & out_data_i[OutWidth-1];

  always_comb begin
    out_word = {32{out_sign}};
    out_word[OutWidth-1:0] = out_data_i;
    cycles_word = '0;
    cycles_word[CyclesWidth-1:0] = cycles_q;
  end

endmodule
