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
  parameter int CyclesWidth  = 32,    // Bits of the cycle counter, 1 to 32
  parameter bit Reloadable   = 1'b0   // The engine's weights are loaded at run time
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
  input  logic [OutWidth-1:0]     out_data_i,  // Output element, combinational from out_addr_o
  output logic                    load_clear_o,  // One-cycle pulse: the next word is the first of the weights' image
  output logic                    load_we_o,   // Write load_data_o as the next word of the weights' image
  output logic [31:0]             load_data_o, // Word of the weights' image
  input  logic                    loaded_i     // The weights are in place; 1 where they are constants
);

  //////////////////////////////
  // Address and data phases  //
  //////////////////////////////

  logic [13:0] addr;     // Word address
  logic        write, legal, blocked, commit, active;

  // Judged in the data phase: a start in the previous data phase already counts.
  ahb_slave #(
    .AddrWidth   ( 16               )
  ) i_slave (
    .clk_i       ( clk_i            ),
    .rst_ni      ( rst_ni           ),
    .hsel_i      ( hsel_i           ),
    .haddr_i     ( haddr_i          ),
    .htrans_i    ( htrans_i         ),
    .hsize_i     ( hsize_i          ),
    .hwrite_i    ( hwrite_i         ),
    .hready_i    ( hready_i         ),
    .hreadyout_o ( hreadyout_o      ),
    .hresp_o     ( hresp_o          ),
    .addr_o      ( addr             ),
    .write_o     ( write            ),
    .legal_i     ( legal & ~blocked ),
    .commit_o    ( commit           ),
    .active_o    ( active           )
  );

  ///////////////
  // Registers //
  ///////////////

  logic        sel_in;
  logic        sel_out;
  logic        sel_load;
  logic        busy;
  logic        start_request;
  logic        start;
  logic        finish;
  logic        done;
  logic        result_q;      // The engine holds a result
  logic        irq_enable;
  logic [31:0] cycles_word;
  logic [31:0] out_word;
  logic [31:0] crc;           // Of the weights' image so far

  accel_socket_regs i_regs (
    .clk_i                    ( clk_i                ),
    .rst_ni                   ( rst_ni               ),
    .addr_i                   ( addr                 ),
    .write_i                  ( write                ),
    .commit_i                 ( commit               ),
    .read_i                   ( active               ),
    .wdata_i                  ( hwdata_i             ),
    .rdata_o                  ( hrdata_o             ),
    .legal_o                  ( legal                ),
    .ctrl_start_o             ( start_request        ),
    .ctrl_irq_enable_o        ( irq_enable           ),
    .ctrl_load_o              ( load_clear_o         ),
    .status_busy_i            ( busy                 ),
    .status_done_o            ( done                 ),
    .status_done_set_i        ( finish               ),
    .status_done_clr_i        ( start                ),
    .status_start_error_set_i ( start_request & (busy | ~loaded_i) ),
    .status_access_error_set_i( ~hreadyout_o         ),
    .status_loaded_i          ( loaded_i             ),
    .cycles_count_i           ( cycles_word          ),
    .weights_crc_crc_i        ( crc                  ),
    .weight_port_sel_o        ( sel_load             ),
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
  assign start  = start_request & ~busy & loaded_i;
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
  assign blocked = ((sel_in | sel_out | sel_load) & busy) | (sel_out & ~result_q) | (sel_load & loaded_i);

  //////////////
  // Elements //
  //////////////

  assign in_we_o    = commit & sel_in;
  assign in_addr_o  = addr[InAddrWidth-1:0];
  assign in_data_o  = hwdata_i[InWidth-1:0];
  assign out_addr_o = addr[OutAddrWidth-1:0];

  logic out_sign;
  assign out_sign = OutSigned & out_data_i[OutWidth-1];

  always_comb begin
    out_word = {32{out_sign}};
    out_word[OutWidth-1:0] = out_data_i;
    cycles_word = '0;
    cycles_word[CyclesWidth-1:0] = cycles_q;
  end

  /////////////
  // Weights //
  /////////////

  assign load_we_o   = commit & sel_load;
  assign load_data_o = hwdata_i;

  if (Reloadable) begin : gen_crc
    logic [31:0] crc_d;
    logic [31:0] crc_q;

    always_comb begin
      crc_d = crc_q ^ hwdata_i;
      for (int k = 0; k < 32; k++) crc_d = (crc_d >> 1) ^ (crc_d[0] ? 32'hEDB88320 : 32'h0);
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni)           crc_q <= '1;
      else if (load_clear_o) crc_q <= '1;
      else if (load_we_o)    crc_q <= crc_d;
    end

    assign crc = ~crc_q;
  end else begin : gen_no_crc
    assign crc = '0;
  end

endmodule
