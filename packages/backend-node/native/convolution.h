// What the loops of convolution-kernels.cc are told of a convolution.
#pragma once

// Places of an output and what each of them sees of an input: some lines, of numbers side by side. The
// distances are in numbers.
struct Window {
  long rows, columns;          // places of the output
  long row_step, column_step;  // from what a place sees to what its neighbour does
  long lines, line_step, run;  // how many lines it sees, how far apart, of how many numbers
  long filters;                // numbers of the output at each place
  long out_row, out_column;    // from a place to its neighbour
};
