// Random numbers that PyTorch 2.11 gave on an NVIDIA H200 (132 multiprocessors), recorded by Tools/gpu_peer.py: draws in a row after manual_seed.

/// The first numbers of a draw of `count`, and the sum over all of its bits, as a signed integer of an element's size, times the place from 1; sums wrap.
struct Draw {
    let kind: String
    let count, seed, call: Int
    let first: [Double]
    let sum: Int

    init(_ kind: String, _ count: Int, seed: Int, call: Int, _ first: [Double], _ sum: Int) {
        (self.kind, self.count, self.seed, self.call, self.first, self.sum) = (kind, count, seed, call, first, sum)
    }

    static let recorded: [Draw] = [
        Draw("rand", 7, seed: 1, call: 0, [0.890259147, 0.0274522342, 0.903137505, 0.538630426, 0.731221437, 0.904678941], 29575089293),
        Draw("rand", 7, seed: 1, call: 1, [0.671998262, 0.231744483, 0.717601836, 0.343217075, 0.905659556, 0.646072388], 29460034972),
        Draw("rand", 1000, seed: 2, call: 0, [0.425447404, 0.830543756, 0.337015837, 0.684178948, 0.566800594, 0.66498822], 526932108016754),
        Draw("rand", 1000, seed: 2, call: 1, [0.0737999454, 0.402091175, 0.327153563, 0.550631344, 0.147359908, 0.402867824], 526608899792163),
        Draw("rand", 70002, seed: 3, call: 0, [0.81665498, 0.204644665, 0.154005826, 0.0824671611, 0.464694798, 0.479292333], 2579626192510240287),
        Draw("rand", 70002, seed: 3, call: 1, [0.268224031, 0.966978133, 0.239177763, 0.548287511, 0.77449131, 0.335552275], 2579537552039642078),
        Draw("randn", 7, seed: 1, call: 0, [-0.296278, 2.67644811, -0.140846208, -0.84409523, 0.29053846, -0.283830941], -15487119120),
        Draw("randn", 7, seed: 1, call: 1, [-0.63398385, -0.643131435, -0.642013609, -1.447101, 0.444676995, -0.607262254], -19687393195),
        Draw("randn", 1000, seed: 2, call: 0, [0.0223411955, -0.577738941, 0.705256104, -0.0340416245, 0.230796114, 0.0393609703], -21817334828582),
        Draw("randn", 1000, seed: 2, call: 1, [2.26685286, 1.34774566, -1.44382107, -1.04837942, 1.51665401, 1.26390398], -12817880328873),
        Draw("randn", 70002, seed: 3, call: 0, [0.426344573, -0.751596391, -1.18732059, 1.40302277, -0.408064902, 0.0571688265], -46568384972804489),
        Draw("randn", 70002, seed: 3, call: 1, [-0.516158104, -0.221653104, -0.559404433, 0.554150343, 0.191021591, -1.40441835], -50980650190905846),
        Draw("randint", 7, seed: 1, call: 0, [32, 450, 999, 127, 256, 366], 7990),
        Draw("randint", 7, seed: 1, call: 1, [587, 991, 531, 103, 183, 709], 11878),
        Draw("randint", 1000, seed: 2, call: 0, [629, 374, 970, 230, 907, 679], 241551979),
        Draw("randint", 1000, seed: 2, call: 1, [359, 502, 828, 556, 0, 173], 259421595),
        Draw("randint", 70002, seed: 3, call: 0, [551, 149, 991, 759, 961, 851], 1219560147612),
        Draw("randint", 70002, seed: 3, call: 1, [473, 452, 645, 39, 959, 52], 1222348291341),
        Draw("bernoulli", 7, seed: 1, call: 0, [0, 1, 0, 0, 0, 0], 2130706432),
        Draw("bernoulli", 7, seed: 1, call: 1, [0, 1, 0, 0, 0, 0], 9588178944),
        Draw("bernoulli", 1000, seed: 2, call: 0, [0, 0, 0, 0, 0, 0], 161050511015936),
        Draw("bernoulli", 1000, seed: 2, call: 1, [1, 0, 0, 0, 1, 0], 168644348739584),
        Draw("bernoulli", 70002, seed: 3, call: 0, [0, 1, 1, 1, 0, 0], 781706053313101824),
        Draw("bernoulli", 70002, seed: 3, call: 1, [1, 0, 1, 0, 0, 0], 778850184384741376),
        Draw("randperm", 7, seed: 1, call: 0, [6, 5, 4, 0, 2, 1], 65),
        Draw("randperm", 7, seed: 1, call: 1, [0, 3, 6, 2, 1, 4], 96),
        Draw("randperm", 1000, seed: 2, call: 0, [828, 997, 100, 382, 170, 421], 251088186),
        Draw("randperm", 1000, seed: 2, call: 1, [955, 99, 446, 507, 918, 484], 249560519),
        Draw("randperm", 70002, seed: 3, call: 0, [11500, 48916, 7586, 34299, 61136, 47134], 85899304233520),
        Draw("randperm", 70002, seed: 3, call: 1, [14188, 66653, 28538, 57250, 7282, 2161], 85872581202557),
    ]
}
