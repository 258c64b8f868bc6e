// Note [What a pickle may do]
//
// Python's pickle is a program for a stack machine that may import any name and call it. This machine has the stack and the memo, but nothing to import
// and nothing to call: a name is text, and the few calls that tensors and Python's own containers need are interpreted here, by name, in a closed list.
// Everything else that is called is refused with its name. Instances of unknown classes are kept as data: their class's name and their state.
//
// Sizes are claims of the file. Nothing is allocated for a claim: bytes are taken from those that are there, and everything that is made is charged to a
// budget that grows with the file (`charge`), so that a small file can not fill the memory. Containers lie in an arena and name each other by index:
// a list that holds itself is no leak, and a hundred thousand nested lists are freed in a loop.

/// Runs one pickle, of protocol 0 to 5.
struct PickleMachine {
    /// What persistent identifiers mean.
    enum Persistence {
        /// Storages and sources of classes, as `torch.save` writes them.
        case torch
        /// Tensors by number, as the archives of the first versions do.
        case numbered([String: PickleValue])
        /// They are refused.
        case none
    }

    /// Containers and objects; values name them by index.
    var nodes: [PickleNode] = []
    /// Names of classes and functions.
    private(set) var globals: [String] = []
    private var globalPlaces: [String: Int] = [:]
    /// Storages the tensors lie in.
    var storages: [PickleStorage] = []
    var storagePlaces: [String: Int] = [:]
    let persistence: Persistence

    private(set) var stack: [PickleValue] = []
    private var stackCharged = 0
    private var marks: [Int] = []
    private var memo: [PickleValue?] = []
    private var farMemo: [Int: PickleValue] = [:]
    /// Bytes that may still be allocated.
    private var budget: Int
    private let budgetAtStart: Int
    /// Offset in the file of the operation that runs.
    var place = 0

    /// A machine for a pickle in a file of `fileSize` bytes.
    init(fileSize: Int, persistence: Persistence = .torch) {
        self.persistence = persistence
        budget = fileSize + 24 << 20
        budgetAtStart = budget
    }

    func malformed(_ reason: String, expected: String = "") -> FormatError { FormatError(.malformed, offset: place, "pickle: \(reason)", expected: expected) }
    func unsupported(_ reason: String, expected: String = "") -> FormatError { FormatError(.unsupported, offset: place, "pickle: \(reason)", expected: expected) }

    /// Accounts for memory that is about to be used, or for as many steps over something that may be asked for again and again.
    mutating func charge(_ bytes: Int) throws(FormatError) {
        budget -= bytes
        if budget < 0 { throw malformed("its values need more memory than its size justifies", expected: "at most \(budgetAtStart) bytes") }
    }

    // MARK: - Arena

    /// A new container or object.
    mutating func make(_ node: PickleNode) throws(FormatError) -> PickleValue {
        // The node, and what the tree will have for it.
        try charge(112)
        nodes.append(node)
        return .node(nodes.count - 1)
    }

    mutating func makeTuple(_ items: [PickleValue]) throws(FormatError) -> PickleValue {
        try charge(24 * items.count)
        return try make(.tuple(items))
    }

    /// The node of a value that is one.
    func node(_ value: PickleValue) -> PickleNode? { if case .node(let i) = value { nodes[i] } else { nil } }

    /// The elements of a tuple, a list or a size.
    func items(_ value: PickleValue) -> [PickleValue]? {
        switch node(value) {
        case .tuple(let items), .list(let items): items
        case .size(let sizes): sizes.map { .int($0) }
        default: nil
        }
    }

    func kind(_ value: PickleValue) -> String { node(value)?.kind ?? value.kind }

    /// The name a value stands for, if it is a class or function.
    func globalName(_ value: PickleValue) -> String? { if case .global(let i) = value { globals[i] } else { nil } }

    /// A class or function by name, unless its mention is a reason to refuse the file.
    mutating func global(module: String, name: String) throws(FormatError) -> PickleValue {
        try charge(module.utf8.count + name.utf8.count)
        guard !PickleGlobals.isRefused(module: module, name: name) else { throw unsupported("refers to \(module).\(name), which could run code") }
        let full = PickleGlobals.canonical(module: module, name: name)
        if let i = globalPlaces[full] { return .global(i) }
        try charge(160 + 2 * full.utf8.count)
        globals.append(full)
        globalPlaces[full] = globals.count - 1
        return .global(globals.count - 1)
    }

    // MARK: - Stack

    mutating func push(_ value: PickleValue) throws(FormatError) {
        if stack.count >= stackCharged {
            try charge(32 * 64)
            stackCharged += 64
        }
        stack.append(value)
    }

    mutating func pop() throws(FormatError) -> PickleValue {
        guard stack.count > (marks.last ?? 0) else { throw malformed("takes a value from an empty stack") }
        return stack.removeLast()
    }

    /// The topmost value stays.
    func top() throws(FormatError) -> PickleValue {
        guard stack.count > (marks.last ?? 0) else { throw malformed("looks at an empty stack") }
        return stack[stack.count - 1]
    }

    mutating func mark() throws(FormatError) {
        try charge(16)
        marks.append(stack.count)
    }

    /// The values since the last mark.
    mutating func popMark() throws(FormatError) -> [PickleValue] {
        guard let start = marks.popLast() else { throw malformed("no mark on the stack") }
        let items = Array(stack[start...])
        stack.removeSubrange(start...)
        try charge(24 * items.count)
        return items
    }

    /// `POP` takes a mark if that is what lies on top.
    mutating func discard() throws(FormatError) {
        if let m = marks.last, m == stack.count { marks.removeLast() } else { _ = try pop() }
    }

    /// What is left when the pickle stops.
    mutating func finish() throws(FormatError) -> PickleValue {
        let value = try pop()
        // The machine may run another pickle.
        stack = []
        marks = []
        memo = []
        farMemo = [:]
        return value
    }

    // MARK: - Memo

    mutating func remember(_ index: Int) throws(FormatError) {
        let value = try top()
        if index < memo.count {
            memo[index] = value
        } else if index == memo.count {
            try charge(32)
            memo.append(value)
        } else {
            try charge(96)
            farMemo[index] = value
        }
    }

    mutating func rememberNext() throws(FormatError) { try remember(memo.count + farMemo.count) }

    func recall(_ index: Int) throws(FormatError) -> PickleValue {
        if memo.indices.contains(index), let v = memo[index] { return v }
        guard let v = farMemo[index] else { throw malformed("recalls value \(index), which it never kept") }
        return v
    }
}
