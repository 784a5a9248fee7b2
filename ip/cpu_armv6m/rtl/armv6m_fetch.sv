// SPDX-License-Identifier: Apache-2.0
//
// Program counter and a queue of three prefetched halfwords. The first one is the current instruction, so
// decoding starts at a flip-flop.
//
// A word is fetched when no more than one halfword will be left after this cycle: it arrives at the end of
// the next cycle, and there is always room for it. Words are whole except for the first one behind a
// branch to an odd halfword, so two addresses are enough: the word of the program counter while nothing of
// it is here, and the word after it. One incrementer makes both; no instruction needs the other one.

module armv6m_fetch (
  input  logic        clk_i,     // Clock
  input  logic        rst_ni,    // Reset, active low, asynchronous assertion
  input  logic        ready_i,   // HREADY: nothing moves without it

  // Program counter
  input  logic        load_i,    // Go to target_i; drops the prefetched halfwords. No fetch may start now
  input  logic [31:1] target_i,  // Where to go
  input  logic        step_i,    // Go to the following instruction
  output logic [31:1] pc_o,      // Address of the current instruction
  output logic [31:2] ahead_o,   // Address of the word after that of pc_o, if valid_o; and of the wanted word

  // Current instruction
  output logic [15:0] first_o,   // First halfword
  output logic [15:0] second_o,  // Second halfword of a 32-bit instruction
  output logic [3:0]  ra_o,      // Register A, see armv6m_predecode
  output logic        none_o,    // There is none
  output logic [3:0]  rb_o,      // Register B
  output logic        valid_o,   // All of it is here
  output logic        fault_o,   // Part of it could not be fetched

  // Bus
  output logic        req_o,     // The word at ahead_o is wanted
  input  logic        done_i,    // A fetch ends its data phase now (if ready_i)
  input  logic [31:0] rdata_i,   // Fetched word
  input  logic        error_i    // It is a bus error
);

  logic [31:1] pc_q;
  logic [1:0]  count_q;         // Halfwords in the queue
  logic [16:0] q0, q1, q2;      // Halfwords, bit 16: could not be fetched
  logic [16:0] low, high;       // Halfwords that arrive
  logic [16:0] next;            // The next first one
  logic [8:0]  pre, pre_q;      // What is known of the first one before it is decoded
  logic        wide;            // The instruction has 32 bits
  logic        empty, odd;      // Nothing is here; the first halfword that arrives is not wanted
  logic [1:0]  used, left, new_count;

  /////////////////////
  // Program counter //
  /////////////////////

  assign ahead_o = pc_q[31:2] + {29'd0, ~empty | done_i};
  assign pc_o    = pc_q;

  always_ff @(posedge clk_i) begin
    if (ready_i & (load_i | (step_i & (pc_q[1] | wide)))) begin
      pc_q[31:2] <= load_i ? target_i[31:2] : ahead_o;
    end
    if (ready_i & (load_i | step_i)) begin
      pc_q[1] <= load_i ? target_i[1] : pc_q[1] ^ ~wide;
    end
  end

  /////////////////
  // Instruction //
  /////////////////

  assign first_o  = q0[15:0];
  assign second_o = q1[15:0];
  assign wide   = (q0[15:13] == 3'b111) & (q0[12:11] != 2'b00);
  assign valid_o  = count_q[1] | (count_q[0] & (~wide | q0[16]));
  assign fault_o  = q0[16] | (wide & q1[16]);

  ///////////
  // Queue //
  ///////////

  assign empty = count_q == 2'd0;
  assign odd   = empty & pc_q[1];
  assign low   = {error_i, rdata_i[15:0]};
  assign high  = {error_i, rdata_i[31:16]};

  assign used      = {step_i & wide, step_i & ~wide};
  assign left      = count_q - used;
  assign new_count = left + {done_i & ~odd, done_i & odd};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= 2'd0;
    end else if (ready_i) begin
      count_q <= load_i ? 2'd0 : new_count;
    end
  end

  always_comb begin
    if (count_q[1] & ~wide) begin
      next = q1;
    end else if (&count_q) begin
      next = q2;
    end else begin
      next = odd ? high : low;
    end
  end

  armv6m_predecode i_predecode (
    .first_i ( next[15:0] ),
    .ra_o    ( pre[3:0]   ),
    .none_o  ( pre[4]     ),
    .rb_o    ( pre[8:5]   )
  );

  assign {rb_o, none_o, ra_o} = pre_q;

  always_ff @(posedge clk_i) begin
    if (ready_i & (step_i | empty)) begin
      q0    <= next;
      pre_q <= pre;
    end
    if (ready_i & (step_i | ~count_q[1])) begin
      if ((&count_q) & ~wide) begin
        q1 <= q2;
      end else begin
        q1 <= (left == 2'd1) ? low : high;
      end
    end
    if (ready_i & done_i) begin
      q2 <= high;
    end
  end

  //////////////
  // Prefetch //
  //////////////

  assign req_o = done_i ? odd : (~count_q[1] | (step_i & ~count_q[0]));

`ifdef FORMAL
  // There is room for what arrives, and what is known of the first halfword belongs to it.
  logic [8:0] known;

  armv6m_predecode i_known (
    .first_i ( q0[15:0]   ),
    .ra_o    ( known[3:0] ),
    .none_o  ( known[4]   ),
    .rb_o    ( known[8:5] )
  );

  always_comb begin
    assert (!done_i || !count_q[1]);
    assert (empty || pre_q == known);
  end
`endif

endmodule
