//===- RowCases.cpp - the shared list of work on rows and tables ----------===//

#include "tests/cases/RowCases.h"
#include "tests/cases/RowWriter.h"

namespace stc::cases {

namespace {
struct Typed {
  std::string name, type;
};

std::string function(const std::string &name, const std::vector<Typed> &arguments,
                     const std::string &body, const std::vector<Typed> &results) {
  auto list = [](const std::vector<Typed> &values, auto show) {
    std::string text;
    for (const Typed &value : values)
      text += (text.empty() ? "" : ", ") + show(value);
    return text;
  };
  auto typeOf = [](const Typed &value) { return value.type; };
  return "func.func @" + name + "(" +
         list(arguments, [](const Typed &value) { return value.name + ": " + value.type; }) +
         ") -> (" + list(results, typeOf) + ") {\n" + body + "  return " +
         list(results, [](const Typed &value) { return value.name; }) + " : " +
         list(results, typeOf) + "\n}\n";
}

/// Layer norm with weight and bias of columns, and of its result a narrow copy where the element is
/// not f32.
RowCase norm(int64_t rows, int64_t columns, const std::string &element = "f32") {
  std::string name = "norm_" + std::to_string(rows) + "_" + std::to_string(columns) + "_" + element;
  RowWriter w({2, rows, columns});
  auto mean = [&](const std::string &x) {
    std::string sum = w.spread(w.reduce("sum", x, {0, 1}), {0, 1});
    return w.binary("arith.mulf", sum, w.constant(1.0 / double(columns)));
  };
  std::string centered = w.binary("arith.subf", "%x", mean("%x"));
  std::string variance = mean(w.binary("arith.mulf", centered, centered));
  std::string scale = w.unary("math.rsqrt", w.binary("arith.addf", variance, w.constant(0.001)));
  std::string y =
      w.binary("arith.mulf", w.binary("arith.mulf", centered, scale), w.spread("%w", {2}));
  y = w.binary("arith.addf", y, w.spread("%b", {2}));
  bool narrow = element != "f32";
  if (narrow)
    y = w.convert("arith.truncf", y, "f32", element);
  Typed x{"%x", typeOf(w.space)}, weight{"%w", typeOf({columns})}, bias{"%b", typeOf({columns})};
  return {name, function(name, {x, weight, bias}, w.body, {{y, typeOf(w.space, element)}}), true,
          element == "bf16" ? 1e-2
          : narrow          ? 1e-3
                            : 1e-5};
}

/// A dense product of few rows and its bias, x (1 + tanh(0.5 x)) of it and a residual, and a narrow
/// copy; of rows whose norm is computed before, by wide weights, or of narrow ones by narrow ones.
RowCase product(int64_t rows, int64_t columns, int64_t depth, const std::string &element,
                bool isNormed) {
  std::string name = "product_" + std::to_string(rows) + "_" + std::to_string(columns) + "_" +
                     std::to_string(depth) + "_" + element + (isNormed ? "_normed" : "");
  RowWriter w({rows, depth});
  const std::string given = isNormed ? "f32" : element;
  std::string lhs = "%x", rhs = "%w";
  if (isNormed) {
    std::string square = w.reduce("sum", w.binary("arith.mulf", "%x", "%x"), {0});
    std::string mean =
        w.binary("arith.mulf", w.spread(square, {0}), w.constant(1.0 / double(depth)));
    std::string scale = w.unary("math.rsqrt", w.binary("arith.addf", mean, w.constant(0.001)));
    lhs = w.binary("arith.mulf", w.binary("arith.mulf", "%x", scale), w.spread("%g", {1}));
    lhs = w.convert("arith.truncf", lhs, "f32", element);
    w.space = {columns, depth};
    rhs = w.convert("arith.truncf", "%w", "f32", element);
  }
  w.space = {rows, columns};
  std::string y = w.line("stc.matmul " + lhs + ", " + rhs +
                         " transpose_rhs : " + typeOf({rows, depth}, element) + ", " +
                         typeOf({columns, depth}, element) + " -> " + typeOf(w.space, element));
  y = w.binary("arith.addf", w.convert("arith.extf", y, element, "f32"), w.spread("%b", {1}));
  std::string gate = w.unary("math.tanh", w.binary("arith.mulf", y, w.constant(0.5)));
  y = w.binary("arith.mulf", y, w.binary("arith.addf", gate, w.constant(1)));
  y = w.binary("arith.addf", y, "%r");
  std::string narrow = w.convert("arith.truncf", y, "f32", element);
  return {name,
          function(name,
                   {{"%x", typeOf({rows, depth}, given)},
                    {"%g", typeOf({depth})},
                    {"%w", typeOf({columns, depth}, given)},
                    {"%b", typeOf({columns})},
                    {"%r", typeOf(w.space)}},
                   w.body, {{y, typeOf(w.space)}, {narrow, typeOf(w.space, element)}}),
          false, element == "bf16" ? 1e-2 : 2e-3};
}

/// A bias and x (1 + tanh(0.8 x)), of narrow rows; half of the elements dropped, and all of it
/// added to what there is.
RowCase activation(int64_t rows, int64_t columns, const std::string &element) {
  std::string name = "activation_" + std::to_string(columns) + "_" + element;
  RowWriter w({rows, columns});
  std::string x = element == "f32" ? "%x" : w.convert("arith.extf", "%x", element, "f32");
  x = w.binary("arith.addf", x, w.spread("%b", {1}));
  std::string gate = w.unary("math.tanh", w.binary("arith.mulf", x, w.constant(0.8)));
  std::string y = w.binary("arith.mulf", x, w.binary("arith.addf", gate, w.constant(1)));
  std::string keep = w.line("arith.cmpf oge, " + w.random("uniform", "%s", 3) + ", " +
                            w.constant(0.5) + " : " + typeOf(w.space));
  y = w.binary("arith.addf", w.select(keep, y, w.constant(0)), "%r");
  if (element != "f32")
    y = w.convert("arith.truncf", y, "f32", element);
  return {name,
          function(name,
                   {{"%x", typeOf(w.space, element)},
                    {"%b", typeOf({columns})},
                    {"%r", typeOf(w.space)},
                    {"%s", typeOf({}, "i64")}},
                   w.body, {{y, typeOf(w.space, element)}}),
          true, element == "f32" ? 1e-5 : 1e-2};
}

/// The mean of the log-probabilities of targets, as a model's loss has it.
RowCase crossEntropy(int64_t rows, int64_t symbols) {
  std::string name = "cross_entropy_" + std::to_string(symbols);
  RowWriter w({rows, symbols});
  std::string top = w.line("stc.stop_gradient %x : " + typeOf(w.space));
  std::string x = w.binary("arith.subf", "%x", w.spread(w.reduce("max", top, {0}), {0}));
  std::string sum = w.spread(w.reduce("sum", w.unary("math.exp", x), {0}), {0});
  std::string all = w.binary("arith.subf", x, w.unary("math.log", sum));
  std::string is = w.line("arith.cmpi eq, " + w.iota(1) + ", " + w.spread("%t", {0}, "i32") +
                          " : " + typeOf(w.space, "i32"));
  std::string loss = w.reduce("sum", w.select(is, all, w.constant(0)), {});
  return {name,
          function(name, {{"%x", typeOf(w.space)}, {"%t", typeOf({rows}, "i32")}}, w.body,
                   {{loss, typeOf({})}}),
          true};
}

/// The sum and the maximum of squares over all but some of the dimensions.
RowCase sums(const std::string &name, const Shape &space, const std::vector<size_t> &kept,
             const std::string &element = "f32") {
  RowWriter w(space);
  Shape shape;
  for (size_t dim : kept)
    shape.push_back(space[dim]);
  std::string square = w.binary("arith.mulf", "%x", "%x", element);
  std::string sum = w.reduce("sum", square, kept, element);
  std::string most = w.reduce("max", square, kept, element), type = typeOf(shape, element);
  double tolerance = element == "bf16" ? 1e-2 : element == "f64" ? 1e-12 : 1e-5;
  return {"sums_" + name,
          function("sums_" + name, {{"%x", typeOf(space, element)}}, w.body,
                   {{sum, type}, {most, type}}),
          false, tolerance};
}

/// Rows of a table, and rows added to one.
RowCase table(int64_t rows, int64_t entries, int64_t columns) {
  std::string name = "table_" + std::to_string(rows) + "_" + std::to_string(entries) + "_" +
                     std::to_string(columns);
  std::string shape = typeOf({entries, columns}), indices = typeOf({rows}, "i32"),
              many = typeOf({rows, columns});
  return {name, function(name, {{"%t", shape}, {"%i", indices}, {"%x", many}},
                         "  %g = stc.gather %t, %i : " + shape + ", " + indices + " -> " + many +
                             "\n  %s = stc.scatter_add %x, %i : " + many + ", " + indices + " -> " +
                             shape + "\n",
                         {{"%g", many}, {"%s", shape}})};
}

RowCase insertRow() {
  return {"insert_row", function("insert_row",
                                 {{"%r", typeOf({3, 1, 2, 8})},
                                  {"%s", typeOf({3, 32, 2, 8})},
                                  {"%p", typeOf({}, "i32")}},
                                 "  %y = stc.insert_row %r into %s at %p : " +
                                     typeOf({3, 1, 2, 8}) + " into " + typeOf({3, 32, 2, 8}) + "\n",
                                 {{"%y", typeOf({3, 32, 2, 8})}})};
}

/// Thirds that change places.
RowCase parts(int64_t rows, const Shape &sizes, const std::string &element) {
  std::string name = "parts_" + std::to_string(sizes[0]) + "_" + element;
  int64_t all = sizes[0] + sizes[1] + sizes[2];
  auto type = [&](int64_t columns) { return typeOf({rows, columns}, element); };
  std::string text = "  %p:3 = stc.split %x : " + type(all) + " to " + type(sizes[0]) + ", " +
                     type(sizes[1]) + ", " + type(sizes[2]) +
                     "\n  %y = stc.concat %p#2, %p#0, %p#1 : " + type(sizes[2]) + ", " +
                     type(sizes[0]) + ", " + type(sizes[1]) + " to " + type(all) + "\n";
  return {name, function(name, {{"%x", type(all)}}, text, {{"%y", type(all)}})};
}

/// Each elementary function over a range that is wide for it.
RowCase functions() {
  RowWriter w({7, 41});
  std::vector<Typed> results;
  auto add = [&](const std::string &value) { results.push_back({value, typeOf(w.space)}); };
  std::string wide = w.binary("arith.mulf", "%x", w.constant(8));
  std::string positive =
      w.binary("arith.addf", w.binary("arith.mulf", "%x", "%x"), w.constant(1e-3));
  add(w.binary("arith.mulf", w.unary("math.exp", wide), w.constant(1e-6)));
  for (const char *op : {"math.tanh", "math.sin", "math.cos"})
    add(w.unary(op, wide));
  add(w.unary("math.tanh", w.binary("arith.mulf", "%x", w.constant(0.1))));
  for (const char *op : {"math.log", "math.sqrt", "math.rsqrt"})
    add(w.unary(op, positive));
  add(w.binary("arith.divf", "%x", positive));
  add(w.unary("math.absf", w.unary("arith.negf", wide)));
  return {"functions", function("functions", {{"%x", typeOf(w.space)}}, w.body, results)};
}

/// Integers of two widths, and truth values in memory.
RowCase integers() {
  RowWriter w({5, 67});
  std::string index = w.iota(1), row = w.iota(0);
  std::string mixed = w.binary("arith.addi", w.binary("arith.muli", index, row, "i32"),
                               w.spread("%i", {0}, "i32"), "i32");
  std::string third = w.binary("arith.divsi", mixed, w.integer(3), "i32");
  std::string rest = w.binary("arith.remsi", mixed, w.integer(7), "i32");
  std::string wide = w.convert("arith.extsi", third, "i32", "i64");
  wide = w.binary("arith.muli", wide, w.integer(5000000000, "i64"), "i64");
  std::string is =
      w.line("arith.cmpi sgt, " + rest + ", " + w.integer(3) + " : " + typeOf(w.space, "i32"));
  std::string real = w.convert("arith.sitofp", third, "i32", "f32");
  return {"integers", function("integers", {{"%i", typeOf({5}, "i32")}}, w.body,
                               {{rest, typeOf(w.space, "i32")},
                                {wide, typeOf(w.space, "i64")},
                                {is, typeOf(w.space, "i1")},
                                {real, typeOf(w.space)}})};
}

/// Quotients and remainders by tensors, with and without sign, of rows that no vector divides:
/// divisors from -2 on, 0 among them, and the least number by each.
RowCase divisions(const std::string &element, int64_t least) {
  RowWriter w({9, 21});
  std::string type = typeOf(w.space, element);
  std::vector<Typed> results;
  for (const char *op : {"arith.divsi", "arith.remsi", "arith.divui", "arith.remui"}) {
    results.push_back({w.binary(op, "%x", "%y", element), type});
    results.push_back({w.binary(op, w.integer(least, element), "%y", element), type});
  }
  return {"divisions_" + element,
          function("divisions_" + element, {{"%x", type}, {"%y", type}}, w.body, results)};
}

RowCase doubles() {
  RowWriter w({40, 33});
  std::string square = w.binary("arith.mulf", "%x", "%x", "f64");
  std::string root = w.unary("math.sqrt", square, "f64");
  std::string least = w.binary("arith.addf", root, w.constant(1, "f64"), "f64");
  std::string part = w.binary("arith.divf", "%x", least, "f64");
  std::string type = typeOf(w.space, "f64");
  return {"doubles", function("doubles", {{"%x", type}}, w.body, {{part, type}}), false, 1e-12};
}

/// More functions than one kernel computes, each of the one before.
RowCase functionChain(int rounds) {
  RowWriter w({9, 40});
  std::string y = "%x";
  for (int round = 0; round < rounds; ++round)
    y = w.unary("math.sin", w.binary("arith.addf", y, "%x"));
  Typed x{"%x", typeOf(w.space)};
  return {"chain_of_functions", function("chain_of_functions", {x}, w.body, {{y, x.type}}), true};
}

/// More sums of rows than one kernel computes, each of what the one before leaves.
RowCase sumChain(int rounds) {
  RowWriter w({9, 40});
  std::string y = "%x";
  for (int round = 0; round < rounds; ++round) {
    std::string sum = w.spread(w.reduce("sum", y, {0}), {0});
    y = w.binary("arith.subf", w.binary("arith.mulf", y, w.constant(0.75)),
                 w.binary("arith.mulf", sum, w.constant(0.01)));
    y = w.binary("arith.addf", y, "%x");
  }
  Typed x{"%x", typeOf(w.space)};
  return {"chain_of_sums", function("chain_of_sums", {x}, w.body, {{y, x.type}}), true};
}

/// Random numbers of both distributions, and those of the sixth of several parts of columns, and of
/// that of parts which begin and end inside of rows.
RowCase noise() {
  RowWriter w({3, 700});
  std::string uniform = w.random("uniform", "%s", 1), normal = w.random("normal", "%s", 2);
  std::string sixth = w.line("arith.constant dense<5> : tensor<i32>"),
              part = w.random("uniform", "%s", 1,
                              sixth + ", " + sixth + " of [6, 7] runs [700, 1050]");
  return {
      "noise",
      function("noise", {{"%s", typeOf({}, "i64")}}, w.body,
               {{uniform, typeOf(w.space)}, {normal, typeOf(w.space)}, {part, typeOf(w.space)}})};
}

/// A step of an optimizer: purely elementwise, of a length that a warp's columns do not divide.
RowCase update(int64_t count) {
  std::string name = "update_" + std::to_string(count);
  RowWriter w({count});
  std::string m = w.binary("arith.addf", w.binary("arith.mulf", "%m", w.constant(0.9)),
                           w.binary("arith.mulf", "%g", w.constant(0.1)));
  std::string square = w.binary("arith.mulf", "%g", "%g");
  std::string v = w.binary("arith.addf", w.binary("arith.mulf", square, w.constant(0.1)),
                           w.binary("arith.mulf", w.unary("math.absf", "%v"), w.constant(0.9)));
  std::string root = w.binary("arith.addf", w.unary("math.sqrt", v), w.constant(0.01));
  std::string p = w.binary("arith.subf", "%p", w.binary("arith.divf", m, root));
  std::string norm = w.reduce("sum", square, {});
  std::string type = typeOf(w.space);
  return {name, function(name, {{"%g", type}, {"%m", type}, {"%v", type}, {"%p", type}}, w.body,
                         {{m, type}, {v, type}, {p, type}, {norm, typeOf({})}})};
}
} // namespace

const std::vector<RowCase> &rowCases() {
  static const std::vector<RowCase> cases = {
      // Rows in registers, rows with a part of a step, rows of odd length, and longer ones.
      norm(37, 512), norm(50, 512, "bf16"), norm(9, 192, "f16"), norm(20, 257), norm(5, 1024),
      norm(6, 1280, "bf16"), norm(3, 2500), activation(33, 512, "bf16"),
      activation(70, 1024, "bf16"), activation(9, 2048, "f16"), activation(11, 77, "f32"),
      crossEntropy(90, 256), crossEntropy(13, 19),
      // Kept and combined dimensions, long and short.
      sums("columns", {4000, 64}, {1}), sums("rows", {300, 1000}, {0}), sums("all", {100003}, {}),
      sums("long_columns", {4, 20000}, {1}), sums("odd_columns", {900, 1031}, {1}),
      sums("middle", {6, 50, 24}, {0, 2}), sums("outer", {6, 50, 24}, {1}),
      sums("narrow", {600, 96}, {1}, "bf16"), sums("doubles", {3000, 12}, {1}, "f64"),
      sums("rows_of_doubles", {9, 133}, {0}, "f64"), table(1500, 20, 512), table(1000, 7, 36),
      table(40, 257, 128), table(13, 5, 33), insertRow(), parts(50, {512, 512, 512}, "bf16"),
      parts(21, {8, 40, 12}, "f32"), parts(4, {5, 3, 9}, "f16"), functions(), integers(),
      divisions("i32", INT32_MIN), divisions("i64", INT64_MIN), doubles(), noise(), sumChain(40),
      update(4096), update(5003), update(3),
      // Of a whole number of everything and of none, of one row, with sums in one round and in
      // several.
      product(64, 512, 256, "bf16", true), product(64, 256, 512, "bf16", false),
      product(1, 70, 64, "bf16", true), product(5, 33, 100, "f16", true),
      product(100, 77, 250, "bf16", true), product(33, 9, 37, "bf16", false),
      product(17, 130, 1000, "f16", true), product(40, 1, 1504, "bf16", true),
      product(97, 450, 701, "f16", false), product(128, 480, 1024, "bf16", true),
      product(1, 8, 8, "bf16", false)};
  return cases;
}

const std::vector<RowCase> &hostRowCases() {
  static const std::vector<RowCase> cases = {functionChain(80)};
  return cases;
}

} // namespace stc::cases
