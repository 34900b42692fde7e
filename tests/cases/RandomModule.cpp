//===- RandomModule.cpp - modules of random functions ---------------------===//

#include "tests/cases/RandomModule.h"

#include "tests/cases/RandomIntegers.h"

namespace stc::cases {

namespace {
/// Writes the functions of a module. Each op takes what it needs from the values there are, or has
/// that made.
class ModuleWriter : RandomIntegers {
public:
  using RandomIntegers::RandomIntegers;

  RandomModule write() {
    RandomModule module;
    std::string functions;
    for (int64_t count = number(1, 3), k = 0; k < count; ++k) {
      module.functions.push_back("f" + std::to_string(k));
      functions += function(module.functions.back());
    }
    for (const Value &variable : variables) {
      module.variables.push_back(variable.name);
      module.text += "stc.variable " + std::string(number(0, 1) ? "parameter" : "optimizer") +
                     " @" + variable.name + " : " + variable.type() + "\n";
    }
    module.text += functions;
    return module;
  }

private:
  //===--- ops --------------------------------------------------------------===//

  void function1() {
    Value x = pickReal(); // of f64 there are none
    switch (number(0, 6)) {
    case 0:
      return void(unary("arith.negf", x, x.bound));
    case 1:
      return void(unary("math.tanh", x, 1));
    case 2:
      return void(unary("math.exp", unary("math.sin", x, 1), 2.8));
    case 3:
      return void(unary(chance(50) ? "math.sin" : "math.cos", x, 1));
    case 4: // away from 1, near which a logarithm is small by cancellation
      return void(unary("math.log", square(x, 2), 3));
    case 5:
      return void(unary("math.sqrt", square(x, 0.25), x.bound + 1));
    default:
      return void(unary("math.rsqrt", square(x, 0.5), 1.5));
    }
  }
  /// x^2 + least
  Value square(const Value &x, double least) {
    Value square = binary("arith.mulf", x, x, x.bound * x.bound);
    Value more = constant(least, x.shape, x.element);
    return binary("arith.addf", square, more, square.bound + least);
  }
  void function2() {
    Value x = pickFloat(), y = like(x);
    switch (number(0, 4)) {
    case 0:
      return tame(binary("arith.addf", x, y, x.bound + y.bound));
    case 1:
      return tame(binary("arith.subf", x, y, x.bound + y.bound));
    case 2:
      return tame(binary("arith.mulf", x, y, x.bound * y.bound));
    case 3: {
      Value by = square(y, 0.5);
      return tame(binary("arith.divf", x, by, 2 * x.bound));
    }
    default: { // one kernel with two results
      binary("arith.addf", x, y, x.bound + y.bound);
      binary("arith.subf", x, y, x.bound + y.bound);
      if (chance(50))
        tame(values.back());
    }
    }
  }
  /// What folding makes something simpler of, or what is computed once more.
  void redundant() {
    Value x = pickReal();
    switch (number(0, 3)) {
    case 0:
      return void(binary("arith.mulf", x, constant(1, x.shape, x.element), x.bound));
    case 1:
      return void(unary("arith.negf", unary("arith.negf", x, x.bound), x.bound));
    case 2: {
      Value one = unary("math.sin", x, 1), other = unary("math.sin", x, 1);
      return void(binary("arith.mulf", one, other, 1));
    }
    default:
      return void(reshape(reshape(x, {x.count()}), x.shape));
    }
  }
  void withoutGradient() {
    Value x = pickFloat(), stop = stopped(x);
    bool isStopped = stop.name != x.name;
    switch (number(0, 2)) {
    case 0:
      unary("math.absf", stop, x.bound);
      break;
    case 1: {
      Value y = stopped(like(x));
      binary(chance(50) ? "arith.maximumf" : "arith.minimumf", stop, y, std::max(x.bound, y.bound));
      isStopped = false; // not both, maybe
      break;
    }
    default:
      reduce("max", stop);
    }
    endGradient(isStopped);
  }

  void reduce(const std::string &kind, const Value &x) {
    if (x.shape.empty())
      return;
    Shape shape;
    std::string dims;
    size_t always = number(0, x.shape.size() - 1);
    double combined = 1;
    for (size_t dim = 0; dim < x.shape.size(); ++dim)
      if (dim == always || chance(40)) {
        dims += (dims.empty() ? "" : ", ") + std::to_string(dim);
        combined *= x.shape[dim];
      } else {
        shape.push_back(x.shape[dim]);
      }
    bool isSum = kind == "sum";
    Value y = define("stc.reduce " + kind + " " + x.name + " dims [" + dims + "] : " + x.type() +
                         " to " + typeOf(shape, x.element),
                     shape, x.element, isSum ? x.bound * combined : x.bound, {&x});
    if (isSum)
      tame(y);
  }
  void broadcast() {
    Value x = pickRank(0, 2, 512);
    Shape shape;
    std::string dims;
    for (size_t k = 0, count = x.count(); k < x.shape.size() || shape.empty();) {
      if (shape.size() < 3 && chance(40) && count * 9 <= mostElements) {
        shape.push_back(number(1, 9));
        count *= shape.back();
        continue;
      }
      if (k == x.shape.size())
        break;
      dims += (dims.empty() ? "" : ", ") + std::to_string(shape.size());
      shape.push_back(x.shape[k++]);
    }
    if (shape != x.shape)
      define("stc.broadcast " + x.name + " dims [" + dims + "] : " + x.type() + " to " +
                 typeOf(shape, x.element),
             shape, x.element, x.bound, {&x});
  }
  Value reshape(const Value &x, Shape shape) {
    return define("stc.reshape " + x.name + " : " + x.type() + " to " + typeOf(shape, x.element),
                  shape, x.element, x.bound, {&x});
  }
  void reshape() {
    Value x = pickFloat();
    Shape shape;
    int64_t left = x.count();
    for (int64_t factors[] = {1, 2, 3, 4, 7, 31}; shape.size() < 2 && chance(60);) {
      int64_t factor = any(factors);
      if (left % factor)
        continue;
      shape.push_back(factor);
      left /= factor;
    }
    shape.insert(shape.begin() + number(0, shape.size()), left);
    reshape(x, shape);
  }
  void split() {
    Value x = pickRank(1, 3);
    Values parts;
    std::string types, names = newName();
    for (int64_t left = x.shape.back(); left > 0; left -= parts.back().shape.back()) {
      Value part = x;
      part.shape.back() = parts.size() == 2 ? left : number(1, left);
      part.name = names + "#" + std::to_string(parts.size());
      types += (parts.empty() ? "" : ", ") + part.type();
      parts.push_back(part);
    }
    if (parts.size() == 1)
      parts[0].name = names;
    body += "  " + names + (parts.size() > 1 ? ":" + std::to_string(parts.size()) : "") +
            " = stc.split " + x.name + " : " + x.type() + " to " + types + "\n";
    values.insert(values.end(), parts.begin(), parts.end());
    if (chance(50)) { // in another order
      std::rotate(parts.begin(), parts.begin() + number(0, parts.size() - 1), parts.end());
      concat(parts);
    }
  }
  void concat(const Values &parts) {
    Value whole = parts[0];
    std::string names, types;
    whole.shape.back() = 0;
    for (const Value &part : parts) {
      whole.shape.back() += part.shape.back();
      whole.bound = std::max(whole.bound, part.bound);
      whole.hasGradient &= part.hasGradient;
      whole.hasSecond &= part.hasSecond;
      names += (names.empty() ? "" : ", ") + part.name;
      types += (types.empty() ? "" : ", ") + part.type();
    }
    if (whole.count() > mostElements)
      return;
    whole.name = newName();
    body +=
        "  " + whole.name + " = stc.concat " + names + " : " + types + " to " + whole.type() + "\n";
    add(whole);
  }
  void concat() {
    Value x = pickRank(1, 3);
    Values parts, those;
    for (const Value &value : values)
      if (value.element == x.element && value.shape.size() == x.shape.size() &&
          std::equal(x.shape.begin(), x.shape.end() - 1, value.shape.begin()))
        those.push_back(value);
    for (int64_t count = number(1, 3); count > 0; --count)
      parts.push_back(any(those));
    concat(parts);
  }
  void product() {
    Value x = pickRank(2, 3);
    size_t rank = x.shape.size();
    bool transposeLhs = chance(40), transposeRhs = chance(40);
    bool isBatch = rank == 3 && (transposeLhs || chance(50));
    int64_t m = x.shape[rank - 2], k = x.shape[rank - 1], n = size();
    if (transposeLhs)
      std::swap(m, k);
    Shape right = transposeRhs ? Shape{n, k} : Shape{k, n}, result = x.shape;
    if (isBatch)
      right.insert(right.begin(), x.shape[0]);
    result[rank - 2] = m;
    result[rank - 1] = n;
    Value model{"", right}, y = chance(25) && right == x.shape ? x : like(model);
    if (Value{"", result}.count() > mostElements || y.count() > mostElements)
      return;
    tame(define("stc.matmul " + x.name + ", " + y.name + (transposeLhs ? " transpose_lhs" : "") +
                    (transposeRhs ? " transpose_rhs" : "") + " : " + x.type() + ", " + y.type() +
                    " -> " + typeOf(result),
                result, "f32", x.bound * y.bound * double(k), {&x, &y}));
  }

  void gather() {
    Value table = pickRank(2, 2), index = indices(shape(number(1, 2)), table.shape[0]);
    Shape shape = index.shape;
    shape.push_back(table.shape[1]);
    if (Value{"", shape}.count() > mostElements)
      return;
    define("stc.gather " + table.name + ", " + index.name + " : " + table.type() + ", " +
               index.type() + " -> " + typeOf(shape),
           shape, "f32", table.bound, {&table});
    values.back().hasSecond = false; // a sum of rows has no gradient
  }
  void scatter() {
    Value rows = pickRank(2, 3), stop = stopped(rows);
    Shape shape(rows.shape.begin(), rows.shape.end() - 1), table = {size(), rows.shape.back()};
    Value index = indices(shape, table[0]);
    define("stc.scatter_add " + stop.name + ", " + index.name + " : " + stop.type() + ", " +
               index.type() + " -> " + typeOf(table),
           table, "f32", rows.bound * double(Value{"", shape}.count()), {&stop});
    endGradient(stop.name != rows.name);
    tame(values.back());
  }
  void insertRow() {
    Value sequence = pickRank(3, 3);
    Shape shape = sequence.shape;
    shape[1] = 1;
    Value row = like(Value{"", shape});
    Value position = indices({}, sequence.shape[1]);
    define("stc.insert_row " + row.name + " into " + sequence.name + " at " + position.name +
               " : " + row.type() + " into " + sequence.type(),
           sequence.shape, "f32", std::max(row.bound, sequence.bound), {&row, &sequence});
    endGradient(false);
  }

  void select() {
    Value x = pickFloat(), y = like(x), which = condition(x.shape);
    define("arith.select " + which.name + ", " + x.name + ", " + y.name + " : " + which.type() +
               ", " + x.type(),
           x.shape, x.element, std::max(x.bound, y.bound), {&x, &y});
  }
  void convert() {
    Value x = pickFloat();
    bool isWide = x.element == "f64";
    std::string to = isWide ? "f32" : "f64";
    define((isWide ? "arith.truncf " : "arith.extf ") + x.name + " : " + x.type() + " to " +
               typeOf(x.shape, to),
           x.shape, to, x.bound, {&x});
  }
  void noise() {
    Shape shape = pickReal().shape;
    Value seed = constant(number(0, 1 << 20), {}, "i64");
    std::string parts, counts, runs;
    for (int part = 0; part < 2 && !shape.empty() && chance(30); ++part) {
      const std::string comma = parts.empty() ? "" : ", ";
      const int64_t count = number(1, 5);
      parts += comma + constant(number(0, count - 1), {}, "i32").name;
      counts += comma + std::to_string(count);
      runs += comma + std::to_string(shape.back());
    }
    if (!parts.empty())
      parts = " part " + parts + " of [" + counts + "] runs [" + runs + "]";
    define("stc.random uniform seed " + seed.name + " step " + seed.name + " stream " +
               std::to_string(number(0, 9)) + parts + " : " + typeOf(shape),
           shape, "f32", 1, {});
  }

  //===--- variables and gradients ------------------------------------------===//

  Value variable(const Value &model) {
    for (const Value &variable : variables)
      if (variable.type() == model.type() && chance(60))
        return variable;
    Value variable = model;
    variable.name = "w" + std::to_string(variables.size());
    return variables.emplace_back(variable);
  }
  void read() {
    Value w = variables.empty() || (variables.size() < 4 && chance(30)) ? variable(pickReal())
                                                                        : any(variables);
    define("stc.read @" + w.name + " : " + w.type(), w.shape, w.element, 2, {});
  }
  void overwrite() {
    Value x = pickReal();
    if (variables.size() >= 4 && std::none_of(variables.begin(), variables.end(),
                                              [&](const Value &w) { return w.type() == x.type(); }))
      return;
    Value w = variable(x);
    body += "  stc.write @" + w.name + ", " + x.name + " : " + x.type() + "\n";
  }
  void gradient() {
    Value of = pick([](const Value &x) { return x.element == "f32" && x.hasGradient; });
    if (chance(40) && !of.shape.empty()) {
      std::string dims;
      for (size_t dim = 0; dim < of.shape.size(); ++dim)
        dims += (dim ? ", " : "") + std::to_string(dim);
      of = define("stc.reduce sum " + of.name + " dims [" + dims + "] : " + of.type() +
                      " to tensor<f32>",
                  {}, "f32", of.bound * double(of.count()), {&of});
    }
    bool isSeeded = !of.shape.empty() || chance(30);
    Value seed = isSeeded ? like(of) : of;
    Values wrt, found;
    for (int64_t count = number(1, 3); count > 0; --count)
      wrt.push_back(pick([](const Value &x) { return x.isFloat() && !x.isStopped; }));
    std::string names, types, result = newName();
    for (const Value &value : wrt) {
      names += (names.empty() ? "" : ", ") + value.name;
      types += (types.empty() ? "" : ", ") + value.type();
      Value grad = value;
      grad.name = result + (wrt.size() > 1 ? "#" + std::to_string(found.size()) : "");
      grad.bound = 16;
      // Its ops are those of the gradients' rules, which may stand for one again.
      grad.hasGradient = of.hasSecond && of.hasGradient && seed.hasGradient;
      grad.hasSecond = false;
      found.push_back(grad);
    }
    body += "  " + result + (wrt.size() > 1 ? ":" + std::to_string(wrt.size()) : "") +
            " = stc.gradient " + of.name + (isSeeded ? " seed " + seed.name : "") + " wrt " +
            names + " : (" + of.type() + ")" + (isSeeded ? " seed (" + seed.type() + ")" : "") +
            " wrt (" + types + ") -> " + types + "\n";
    for (const Value &grad : found) {
      add(grad);
      results.push_back(grad);
      tame(grad);
    }
  }

  void op() {
    using Op = void (ModuleWriter::*)();
    struct Row {
      int64_t weight;
      Op op;
    };
    static constexpr Row rows[] = {
        {3, &ModuleWriter::function1}, {5, &ModuleWriter::function2},
        {2, &ModuleWriter::redundant}, {2, &ModuleWriter::withoutGradient},
        {3, &ModuleWriter::sum},       {2, &ModuleWriter::broadcast},
        {2, &ModuleWriter::reshape},   {2, &ModuleWriter::split},
        {2, &ModuleWriter::concat},    {4, &ModuleWriter::product},
        {1, &ModuleWriter::gather},    {1, &ModuleWriter::scatter},
        {1, &ModuleWriter::insertRow}, {3, &ModuleWriter::integers},
        {2, &ModuleWriter::select},    {1, &ModuleWriter::convert},
        {1, &ModuleWriter::noise},     {2, &ModuleWriter::read},
        {2, &ModuleWriter::overwrite}, {2, &ModuleWriter::gradient}};
    int64_t all = 0;
    for (const Row &row : rows)
      all += row.weight;
    int64_t drawn = number(1, all);
    for (const Row &row : rows)
      if ((drawn -= row.weight) <= 0)
        return (this->*row.op)();
  }
  void integers() { integerWork(RandomIntegers::integers(pickFloat().shape)); }
  void sum() { reduce("sum", pickFloat()); }

  bool isRead(const Value &value) const {
    for (size_t place = 0; (place = body.find(value.name, place)) != std::string::npos;) {
      place += value.name.size();
      char next = body[place];
      bool isName = !std::isdigit(next) && next != '#',
           isResult = body.compare(place, 2, " =") == 0;
      if (isName && !isResult)
        return true;
    }
    return false;
  }

  std::string function(const std::string &name) {
    clear();
    results.clear();
    argument(shape(number(1, 3)));
    argument(shape(number(1, 2)));
    for (int64_t ops = number(4, 24); ops > 0; --ops)
      op();
    // Gradients, values that nobody reads, and some others.
    auto leave = [&](Values &some, size_t count) {
      while (some.size() > count)
        some.erase(some.begin() + number(0, some.size() - 1));
    };
    leave(results, 4);
    Values unread;
    std::copy_if(values.begin(), values.end(), std::back_inserter(unread),
                 [&](const Value &value) { return !isRead(value); });
    leave(unread, 6);
    results.insert(results.end(), unread.begin(), unread.end());
    if (results.empty())
      results.push_back(values.back());
    for (int64_t count = number(0, 4); count > 0; --count)
      results.push_back(pick([](const Value &) { return true; }));
    auto list = [](const Values &values, auto text) {
      std::string all;
      for (const Value &value : values)
        all += (all.empty() ? "" : ", ") + text(value);
      return all;
    };
    auto nameOf = [](const Value &value) { return value.name; };
    auto typeOf = [](const Value &value) { return value.type(); };
    auto both = [](const Value &value) { return value.name + ": " + value.type(); };
    return "func.func @" + name + "(" + list(arguments, both) + ") -> (" + list(results, typeOf) +
           ") {\n" + body + "  return " + list(results, nameOf) + " : " + list(results, typeOf) +
           "\n}\n";
  }

  Values variables; ///< of the module
  Values results;
};
} // namespace

RandomModule randomModule(uint64_t seed) { return ModuleWriter(seed).write(); }

} // namespace stc::cases
