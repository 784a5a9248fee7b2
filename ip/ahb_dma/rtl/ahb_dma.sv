// SPDX-License-Identifier: Apache-2.0
//
// DMA controller with one channel: an AHB-Lite slave for its registers, an AHB-Lite master for the copy.
//
// An element is read, then written, each in an address and a data phase. A bus error ends the copy; the
// element that failed counts as not copied.

module ahb_dma (
  input  logic        clk_i,       // Clock; all inputs and outputs are synchronous to it
  input  logic        rst_ni,      // Reset, active low: asynchronous assertion, synchronous release

  // AHB-Lite slave
  input  logic        hsel_i,      // Slave select
  input  logic [11:0] haddr_i,     // Byte address inside the 4 KB window
  input  logic [1:0]  htrans_i,    // Transfer type: bit 1 set for NONSEQ and SEQ
  input  logic [2:0]  hsize_i,     // Transfer size; only 3'b010 (32 bits) is accepted
  input  logic        hwrite_i,    // 1 write, 0 read
  input  logic [31:0] hwdata_i,    // Write data, in the data phase
  input  logic        hready_i,    // The bus' HREADY: the previous data phase ends
  output logic [31:0] hrdata_o,    // Read data, in the data phase
  output logic        hreadyout_o, // 0 in the first cycle of an ERROR response, else 1
  output logic        hresp_o,     // 1 in both cycles of an ERROR response

  // AHB-Lite master
  output logic [31:0] m_haddr_o,   // Address
  output logic [1:0]  m_htrans_o,  // IDLE or NONSEQ
  output logic [2:0]  m_hsize_o,   // Size
  output logic [3:0]  m_hprot_o,   // Data access, privileged
  output logic        m_hwrite_o,  // 1 write, 0 read
  output logic [31:0] m_hwdata_o,  // Write data in the data phase, repeated in every lane
  input  logic [31:0] m_hrdata_i,  // Read data in the data phase
  input  logic        m_hready_i,  // The data phase ends
  input  logic        m_hresp_i,   // 1 ERROR

  // Requests and interrupt
  input  logic        req_in_i,    // The accelerator's input buffer may be written
  input  logic        req_out_i,   // The accelerator's result may be read
  output logic        irq_o        // Level: STATUS.done or STATUS.error while CTRL.irq_enable
);

  localparam logic [2:0] Idle      = 3'd0;
  localparam logic [2:0] Request   = 3'd1;  // Wait until the element may be copied
  localparam logic [2:0] ReadAddr  = 3'd2;  // Address phase of the read
  localparam logic [2:0] ReadData  = 3'd3;
  localparam logic [2:0] WriteAddr = 3'd4;
  localparam logic [2:0] WriteData = 3'd5;

  ///////////////
  // Registers //
  ///////////////

  logic [9:0]  addr;
  logic        write, map_legal, legal, commit, active;
  logic        start, stop, irq_enable, fix_src, fix_dst, done, error;
  logic [1:0]  size, request;
  logic        sel_src, sel_dst, sel_count;
  logic        end_copy, fail;
  logic [2:0]  state_q;
  logic        stop_q;
  logic [31:0] src_q, dst_q, data_q;
  logic [15:0] count_q;
  logic        busy;

  assign busy  = state_q != Idle;
  assign legal = map_legal & ~(write & busy & (sel_src | sel_dst | sel_count));

  ahb_slave #(
    .AddrWidth   ( 12          )
  ) i_slave (
    .clk_i       ( clk_i       ),
    .rst_ni      ( rst_ni      ),
    .hsel_i      ( hsel_i      ),
    .haddr_i     ( haddr_i     ),
    .htrans_i    ( htrans_i    ),
    .hsize_i     ( hsize_i     ),
    .hwrite_i    ( hwrite_i    ),
    .hready_i    ( hready_i    ),
    .hreadyout_o ( hreadyout_o ),
    .hresp_o     ( hresp_o     ),
    .addr_o      ( addr        ),
    .write_o     ( write       ),
    .legal_i     ( legal       ),
    .commit_o    ( commit      ),
    .active_o    ( active )
  );

  ahb_dma_regs i_regs (
    .clk_i              ( clk_i            ),
    .rst_ni             ( rst_ni           ),
    .addr_i             ( addr             ),
    .write_i            ( write            ),
    .commit_i           ( commit           ),
    .read_i             ( active           ),
    .wdata_i            ( hwdata_i         ),
    .rdata_o            ( hrdata_o         ),
    .legal_o            ( map_legal        ),
    .ctrl_start_o       ( start            ),
    .ctrl_stop_o        ( stop             ),
    .ctrl_irq_enable_o  ( irq_enable       ),
    .ctrl_size_o        ( size             ),
    .ctrl_fix_src_o     ( fix_src          ),
    .ctrl_fix_dst_o     ( fix_dst          ),
    .ctrl_request_o     ( request          ),
    .status_busy_i      ( busy             ),
    .status_done_o      ( done             ),
    .status_done_set_i  ( end_copy         ),
    .status_done_clr_i  ( start            ),
    .status_error_o     ( error            ),
    .status_error_set_i ( fail             ),
    .status_error_clr_i ( start            ),
    .src_sel_o          ( sel_src          ),
    .src_rdata_i        ( src_q            ),
    .dst_sel_o          ( sel_dst          ),
    .dst_rdata_i        ( dst_q            ),
    .count_sel_o        ( sel_count        ),
    .count_rdata_i      ( {16'h0, count_q} )
  );

  assign irq_o = irq_enable & (done | error);

  //////////
  // Copy //
  //////////

  logic        wanted;   // The element may be copied
  logic        copied;   // The write of an element has ended well
  logic        copied_q; // It has, in the last cycle: the source steps now
  logic        over;     // Nothing is left to do
  logic [31:0] step;
  logic [31:0] next;     // Behind the element that the address is that of

  assign wanted   = (request == 2'd0) | ((request == 2'd1) & req_in_i) | ((request == 2'd2) & req_out_i);
  assign over     = (count_q == 16'd0) | stop_q;
  assign fail     = ((state_q == ReadData) | (state_q == WriteData)) & m_hready_i & m_hresp_i;
  assign copied   = (state_q == WriteData) & m_hready_i & ~m_hresp_i;
  assign end_copy = (state_q == Request) & over;
  assign step     = size[1] ? 32'd4 : size[0] ? 32'd2 : 32'd1;
  assign next     = m_haddr_o + step;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q  <= Idle;
      stop_q   <= 1'b0;
      copied_q <= 1'b0;
    end else begin
      stop_q   <= busy & (stop | stop_q);
      copied_q <= copied;
      case (state_q)
        Idle:      if (start) state_q <= Request;
        Request:   if (over) state_q <= Idle; else if (wanted) state_q <= ReadAddr;
        ReadAddr:  if (m_hready_i) state_q <= ReadData;
        ReadData:  if (m_hready_i) state_q <= m_hresp_i ? Idle : WriteAddr;
        WriteAddr: if (m_hready_i) state_q <= WriteData;
        default:   if (m_hready_i) state_q <= m_hresp_i ? Idle : Request;  // WriteData
      endcase
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= 16'd0;
    end else begin
      if (commit & sel_count) count_q <= hwdata_i[15:0];
      else if (copied) count_q <= count_q - 16'd1;
    end
  end

  // One adder: the destination steps while the address is its own, the source in the next cycle. Neither has a
  // value before software writes one.
  always_ff @(posedge clk_i) begin
    if (commit & sel_src) src_q <= hwdata_i;
    else if (copied_q & ~fix_src) src_q <= next;
    if (commit & sel_dst) dst_q <= hwdata_i;
    else if (copied & ~fix_dst) dst_q <= next;
  end

  // The element, from its lane into every lane
  logic [15:0] half;
  logic [7:0]  octet, upper;

  assign half  = (src_q[1] & ~size[1]) ? m_hrdata_i[31:16] : m_hrdata_i[15:0];
  assign octet = (src_q[0] & (size == 2'd0)) ? half[15:8] : half[7:0];
  assign upper = (size == 2'd0) ? octet : half[15:8];

  always_ff @(posedge clk_i) begin
    if (state_q == ReadData) data_q <= {size[1] ? m_hrdata_i[31:16] : {upper, octet}, upper, octet};
  end

  // The address stays until the data phase ends: the bus need not keep it.
  assign m_hwrite_o = (state_q == WriteAddr) | (state_q == WriteData);
  assign m_haddr_o  = m_hwrite_o ? dst_q : src_q;
  assign m_htrans_o = {(state_q == WriteAddr) | (state_q == ReadAddr), 1'b0};
  assign m_hsize_o  = {1'b0, size[1], ~size[1] & size[0]};
  assign m_hprot_o  = 4'b0011;
  assign m_hwdata_o = data_q;

endmodule
