// The table of operators: names, binding of arguments, what it refuses.
import Testing
import TorchOperators
import TorchTensor

@Suite struct OperatorTableTests {
    private let x = Tensor([[1.0, 2.0], [3.0, 4.0]])

    private func tensor(_ outcome: OperatorOutcome) throws -> Tensor {
        guard case .tensor(let t) = outcome.value else {
            Issue.record("expected a tensor, found \(outcome.value.summary)")
            return Tensor.zeros(0)
        }
        return t
    }

    private func failure(_ function: String, _ arguments: [OperatorValue], _ keywords: [String: OperatorValue] = [:]) -> OperatorCallError? {
        do {
            _ = try OperatorTable.call(function, arguments, keywords)
            return nil
        } catch {
            return error as? OperatorCallError
        }
    }

    @Test func namesOfPyTorchLeadToRows() {
        #expect(OperatorTable.rowName("torch.add") == "add")
        #expect(OperatorTable.rowName("torch.Tensor.expand") == "expand")
        #expect(OperatorTable.rowName("torch.nn.functional.gelu") == "nn.functional.gelu")
        #expect(OperatorTable.rowName("aten.slice.Tensor") == "slice")
        #expect(OperatorTable.rowName("aten::slice") == "slice")
        #expect(OperatorTable.contains("torch.add") && !OperatorTable.contains("torch.nonsense"))
    }

    @Test func positionalAndKeywordArgumentsMean() throws {
        let byPosition = try tensor(OperatorTable.call("torch.sum", [.tensor(x), .int(0), .bool(true)]))
        let byKeyword = try tensor(OperatorTable.call("torch.sum", [], ["input": .tensor(x), "keepdim": .bool(true), "dim": .list([.int(0)])]))
        #expect(byPosition.shape == [1, 2] && byPosition.array(of: Double.self) == [4, 6])
        #expect(byKeyword.array(of: Double.self) == [4, 6])
        // `self` and `input` are the same parameter.
        #expect(try tensor(try OperatorTable.call("torch.sum", [], ["self": .tensor(x)])).item() == 10)
    }

    @Test func recordedNamesPlacePositionalArguments() throws {
        let y = try tensor(OperatorTable.call("torch.arange", [.int(5)], ["start": .int(2)], names: ["end"]))
        #expect(y.array(of: Int.self) == [2, 3, 4])
    }

    @Test func sizesComeAsListOrOneByOne() throws {
        #expect(try tensor(try OperatorTable.call("torch.reshape", [.tensor(x), .list([.int(4)])])).shape == [4])
        #expect(try tensor(try OperatorTable.call("torch.Tensor.view", [.tensor(x), .int(1), .int(4)])).shape == [1, 4])
    }

    @Test func numbersStayWeakInPromotion() throws {
        let half = x.to(.float16)
        #expect(try tensor(try OperatorTable.call("torch.mul", [.tensor(half), .double(2)])).dtype == .float16)
        #expect(try tensor(try OperatorTable.call("torch.mul", [.tensor(Tensor([1, 2])), .double(2)])).dtype == .float32)
    }

    @Test func typesChooseBetweenRowsOfOneName() throws {
        let drawn = try tensor(OperatorTable.call("torch.normal", [.double(0), .double(1), .tuple([.int(2), .int(3)])]))
        #expect(drawn.shape == [2, 3])
        #expect(try tensor(try OperatorTable.call("torch.normal", [.tensor(x), .double(0)])).array(of: Double.self) == [1, 2, 3, 4])
    }

    @Test func misuseNamesOperatorAndParameter() throws {
        #expect(failure("torch.nonsense", [])?.kind == .unknownOperator)
        let unexpected = try #require(failure("torch.sum", [.tensor(x)], ["keep_dim": .bool(true)]))
        #expect(unexpected.kind == .argument && unexpected.parameter == "keep_dim")
        #expect(failure("torch.sum", [.tensor(x), .int(0)], ["dim": .int(0)])?.message == "given twice")
        #expect(failure("torch.reshape", [])?.parameter == "input")
        #expect(failure("torch.sum", [.string("x")])?.message == "expected a tensor, found string 'x'")
        #expect(failure("torch.mul", [.int(2), .tensor(x)])?.parameter == "input")
    }

    @Test func keywordsAboutPlacementAreNoNews() throws {
        #expect(try tensor(try OperatorTable.call("torch.zeros", [.int(2)], ["device": .device("cpu"), "layout": .layout("strided")])).shape == [2])
    }

    @Test func everyRowHasASignatureThatParses() {
        // Building the table parses all signatures; a default that is no Python literal stops there.
        #expect(OperatorTable.rows.count > 100)
        for row in OperatorTable.rows { #expect(OperatorTable.contains(row.name)) }
    }
}
