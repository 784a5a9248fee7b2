// SPDX-License-Identifier: Apache-2.0
//
// AHB-Lite master for one access at a time, with a limit on its duration.
//
// An access that takes longer than Timeout cycles is reported as failed. The bus forbids to take it back,
// so it stays on the bus until it ends; an access that is asked for meanwhile waits for it, within its own
// limit, and fails without reaching the bus when the limit is over. A bus that ends every access by itself
// needs no guard; then nothing has to be kept for an access that its user has given up.

module adp_bus #(
  parameter int Timeout = 256,  // Clock cycles, 2 to 65535
  parameter bit Guard   = 1'b1  // 0: the bus ends every access by itself
) (
  input  logic        clk_i,     // Clock
  input  logic        rst_ni,    // Reset, active low: asynchronous assertion, synchronous release

  output logic        idle_o,    // The next four may change
  input  logic        start_i,   // One-cycle pulse: access; ignored while one waits for its end
  input  logic        write_i,   // 1 write, 0 read; stable from start_i to done_o, like the next three
  input  logic [1:0]  size_i,    // 0 byte, 1 halfword, 2 word
  input  logic [31:0] addr_i,    // Byte address, aligned to the size
  input  logic [31:0] wdata_i,   // Data in the lowest bits
  output logic        done_o,    // One-cycle pulse: the access has ended
  output logic        error_o,   // With done_o: bus error or time over
  output logic [31:0] rdata_o,   // With done_o: data in the lowest bits, zeros above

  output logic [31:0] haddr_o,   // AHB-Lite address
  output logic [1:0]  htrans_o,  // IDLE or NONSEQ
  output logic [2:0]  hsize_o,   // Size
  output logic        hwrite_o,  // Direction
  output logic [31:0] hwdata_o,  // Write data in the data phase, repeated in every lane
  input  logic [31:0] hrdata_i,  // Read data in the data phase
  input  logic        hready_i,  // The data phase ends
  input  logic        hresp_i    // 1 ERROR
);

  localparam int TimeBits = $clog2(Timeout);

  logic        wait_q;     // The user waits
  logic        request_q;  // The access waits for the bus unit
  logic        address_q;  // Address phase
  logic        data_q;     // Data phase
  logic        stale_q;    // Nobody waits for the access on the bus
  logic [TimeBits-1:0] left_q;  // Cycles left until the time is over
  logic        issue;
  logic        bus_end;
  logic        time_over;

  logic        write_q;
  logic [1:0]  size_q;
  logic [31:0] addr_q;
  logic [31:0] wdata_q;

  assign issue     = request_q & ~address_q & ~data_q;
  assign bus_end   = data_q & hready_i;
  assign time_over = Guard & wait_q & (left_q == '0);

  assign done_o  = wait_q & ((bus_end & ~stale_q) | time_over);
  assign error_o = ~(bus_end & ~stale_q) | hresp_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wait_q    <= 1'b0;
      request_q <= 1'b0;
      address_q <= 1'b0;
      data_q    <= 1'b0;
      stale_q   <= 1'b0;
    end else begin
      wait_q    <= (start_i | wait_q) & ~done_o;
      request_q <= (start_i | request_q) & ~issue & ~done_o;
      address_q <= (issue & ~time_over) | (address_q & ~hready_i);
      data_q    <= (address_q & hready_i) | (data_q & ~hready_i);
      stale_q   <= Guard & (stale_q | time_over) & (address_q | data_q) & ~bus_end;
    end
  end

  always_ff @(posedge clk_i) begin
    left_q <= start_i ? TimeBits'(Timeout - 1) : left_q - 1'b1;
  end

  if (Guard) begin : gen_kept
    always_ff @(posedge clk_i) begin
      if (issue) begin
        write_q <= write_i;
        size_q  <= size_i;
        addr_q  <= addr_i;
        wdata_q <= wdata_i;
      end
    end
    assign idle_o = 1'b1;
  end else begin : gen_stable
    assign {write_q, size_q, addr_q, wdata_q} = {write_i, size_i, addr_i, wdata_i};
    assign idle_o = ~request_q & ~address_q & ~data_q;
  end

  assign haddr_o  = addr_q;
  assign htrans_o = {address_q, 1'b0};
  assign hsize_o  = {1'b0, size_q};
  assign hwrite_o = write_q;
  assign hwdata_o = (size_q == 2'd0) ? {4{wdata_q[7:0]}} : (size_q == 2'd1) ? {2{wdata_q[15:0]}} : wdata_q;

  logic [15:0] half;
  logic [7:0]  octet;

  assign half    = addr_q[1] ? hrdata_i[31:16] : hrdata_i[15:0];
  assign octet   = addr_q[0] ? half[15:8] : half[7:0];
  assign rdata_o = (size_q == 2'd0) ? {24'h0, octet} : (size_q == 2'd1) ? {16'h0, half} : hrdata_i;

endmodule
