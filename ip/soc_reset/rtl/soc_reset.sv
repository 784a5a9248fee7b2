// SPDX-License-Identifier: Apache-2.0
//
// Resets of the SoC: from the pin, the watchdog and software; and the hold of the processor.
//
// The debug port is reset by the pin only, so that the host keeps its link through every other reset. An
// access of the debug port that such a reset cuts off ends with ERROR. The processor is stopped between two
// transfers, so that the bus never sees half of one.

module soc_reset (
  input  logic       clk_i,         // Clock; all inputs but rst_ni are synchronous to it
  input  logic       rst_ni,        // Reset pin, active low, asynchronous

  input  logic       watchdog_i,    // The watchdog asks for a reset
  input  logic       software_i,    // Software asks for a reset
  input  logic       hold_i,        // Hold the processor in reset
  output logic       debug_rst_no,  // Reset of the debug port
  output logic       sys_rst_no,    // Reset of everything else
  output logic       cpu_rst_no,    // Reset of the processor
  output logic [2:0] cause_o,       // Cause of the last reset: bit 0 pin, bit 1 watchdog, bit 2 software

  // Processor's AHB-Lite port
  input  logic [1:0] cpu_htrans_i,  // Transfer type from the processor
  output logic [1:0] cpu_htrans_o,  // The same for the bus; IDLE while the processor is being stopped
  input  logic       cpu_hready_i,  // HREADY from the bus

  // Debug port's AHB-Lite port
  input  logic       debug_hready_i, // HREADY from the bus
  input  logic       debug_hresp_i,  // HRESP from the bus
  output logic       debug_hready_o, // HREADY for the debug port
  output logic       debug_hresp_o   // HRESP for the debug port
);

  ///////////
  // Reset //
  ///////////

  // A reset has two copies of one flip-flop: one is only ever a reset, the other one data.
  logic       meta_q, debug_rst_nq;
  logic [3:0] left_q;              // Cycles left of a reset
  logic       request;
  logic       sys_rst_nq, sys_on_q;
  logic       sys_on;
  logic [2:0] cause_q;

  assign request = watchdog_i | software_i;
  assign sys_on  = sys_on_q ? ~request : left_q == 4'd0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      meta_q       <= 1'b0;
      debug_rst_nq <= 1'b0;
    end else begin
      meta_q       <= 1'b1;
      debug_rst_nq <= meta_q;
    end
  end

  always_ff @(posedge clk_i or negedge debug_rst_nq) begin
    if (!debug_rst_nq) begin
      left_q     <= 4'd15;
      sys_rst_nq <= 1'b0;
      sys_on_q   <= 1'b0;
      cause_q    <= 3'b001;
    end else begin
      left_q     <= sys_on_q ? 4'd15 : left_q - 4'd1;
      sys_rst_nq <= sys_on;
      sys_on_q   <= sys_on;
      if (sys_on_q & request) cause_q <= watchdog_i ? 3'b010 : 3'b100;
    end
  end

  assign debug_rst_no = debug_rst_nq;
  assign sys_rst_no   = sys_rst_nq;
  assign cause_o      = cause_q;

  ///////////////
  // Processor //
  ///////////////

  logic hold_q;
  logic stop_q;             // No new transfer; the last data phase may still be under way
  logic cpu_rst_nq, run_q;
  logic run;

  assign run = run_q ? ~(stop_q & cpu_hready_i) : ~hold_q;

  always_ff @(posedge clk_i or negedge sys_rst_nq) begin
    if (!sys_rst_nq) begin
      hold_q     <= 1'b1;
      stop_q     <= 1'b1;
      cpu_rst_nq <= 1'b0;
      run_q      <= 1'b0;
    end else begin
      hold_q     <= hold_i;
      stop_q     <= run & ((hold_q & cpu_hready_i) | (stop_q & run_q));
      cpu_rst_nq <= run;
      run_q      <= run;
    end
  end

  assign cpu_rst_no   = cpu_rst_nq;
  assign cpu_htrans_o = stop_q ? 2'b00 : cpu_htrans_i;

  ////////////////
  // Debug port //
  ////////////////

  logic cut_q;              // First cycle after a reset: a transfer that it cut off ends with ERROR

  always_ff @(posedge clk_i or negedge debug_rst_nq) begin
    if (!debug_rst_nq) begin
      cut_q <= 1'b0;
    end else begin
      cut_q <= ~sys_on_q;
    end
  end

  assign debug_hready_o = sys_on_q & debug_hready_i;
  assign debug_hresp_o  = ~sys_on_q | cut_q | debug_hresp_i;

endmodule
