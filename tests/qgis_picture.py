"""Draw layers of a file with the style that came with it. Run by the Python that QGIS belongs to.

    python3 qgis_picture.py FILE LAYER,LAYER OUT.png

Prints as JSON, for each layer, what QGIS made of it, and how often each colour is in the picture.
"""

import json
import sys

from qgis.core import QgsApplication, QgsMapRendererSequentialJob, QgsMapSettings, QgsVectorLayer
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor


def opened(path, name):
    source = f"{path}|layername={name}" if path.endswith(".gpkg") else f"{path}/{name}.shp"
    layer = QgsVectorLayer(source, name, "ogr")
    layer.loadDefaultStyle()
    return layer


def about(layer):
    fields = layer.fields()
    return {
        "valid": layer.isValid(),
        "count": layer.featureCount(),
        "renderer": layer.renderer().type(),
        "levels": layer.renderer().usingSymbolLevels(),
        "labels": layer.labelsEnabled(),
        "titles": {field.name(): layer.attributeDisplayName(i) for i, field in enumerate(fields)},
        "tier_widget": layer.editorWidgetSetup(fields.indexFromName("tier")).type(),
    }


def drawn(layers, out):
    view = QgsMapSettings()
    view.setLayers(layers)
    view.setOutputSize(QSize(900, 700))
    view.setBackgroundColor(QColor("white"))
    view.setDestinationCrs(layers[0].crs())
    view.setExtent(view.fullExtent())
    job = QgsMapRendererSequentialJob(view)
    job.start()
    job.waitForFinished()
    picture = job.renderedImage()
    picture.save(out)
    counts = {}
    for y in range(picture.height()):
        for x in range(picture.width()):
            colour = picture.pixelColor(x, y).name()
            counts[colour] = counts.get(colour, 0) + 1
    return counts


application = QgsApplication([], False)
application.initQgis()
made = [opened(sys.argv[1], name) for name in sys.argv[2].split(",")]
sys.stdout.write(
    json.dumps({"layers": {one.name(): about(one) for one in made}, "colours": drawn(made, sys.argv[3])})
)
